"""Desired objects, one builder for each: `resource -> manifest`. Pure.

Doors: `admin_secret`, `disruption_budget`, `fetch_job`, `headless_service`, `metadata`,
`network_policy`, `pod_monitor`, `pod_template`, `revision_record`, `router_config`,
`router_deployment`, `router_exposure`, `router_rights`, `router_service`, `runtime_config`,
`runtime_pod`,
`warmup_job`, `weights_claim`.
"""
