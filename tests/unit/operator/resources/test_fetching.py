"""The Jobs that ask and fetch, and the claim, each compared as a whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from matinee_api.config.load import load_text
from matinee_api.contracts.fetch import FetchConfig
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.resources.fetch_job import attempted, download_job, resolve_job
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.weights_claim import weights_claim
from matinee_operator.weights.trees import trees_of
from tests.unit.operator.making import INSTALLATION, model, wanted_warmup
from tests.unit.operator.weights.making import COMMIT, FOLDER, HUB, hub_model, resolved_model

SOURCE = HUB | {"tokenSecretRef": {"name": "hub"}}
OWNER = """
    - apiVersion: matinee.video/v1alpha1
      kind: VideoModel
      name: tiny
      uid: uid-of-tiny
      controller: true
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
  namespace: demo
  labels: &labels
    app.kubernetes.io/name: matinee
    app.kubernetes.io/component: {verb}
    app.kubernetes.io/managed-by: matinee
    matinee.video/model: tiny
  annotations: {{matinee.video/owner: uid-of-tiny}}
  ownerReferences:{owner}
spec:
  backoffLimit: 3
  podFailurePolicy:
    rules:
      - action: Ignore
        onPodConditions: [{{type: DisruptionTarget, status: "True"}}]
      - action: FailJob
        onExitCodes: {{containerName: fetch, operator: In, values: [3]}}
  template:
    metadata: {{labels: *labels}}
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      enableServiceLinks: false
      nodeSelector: {{disk: fast}}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile: {{type: RuntimeDefault}}
      tolerations:
        - key: node.kubernetes.io/not-ready
          operator: Exists
          effect: NoExecute
          tolerationSeconds: 30
        - key: node.kubernetes.io/unreachable
          operator: Exists
          effect: NoExecute
          tolerationSeconds: 30
      containers:
        - name: fetch
          image: matinee/runtime:1
          imagePullPolicy: IfNotPresent
          command:
            - sh
            - -c
            - >-
              printf %s "$MATINEE_FETCH" >/tmp/fetch.json &&
              exec python3 -m matinee fetch --config /tmp/fetch.json "$@" >/dev/termination-log
            - fetch
          {more}
          env:
            - name: MATINEE_FETCH
              value: '{config}'
            - {{name: HOME, value: /tmp}}
          resources:
            requests: {{cpu: {cpu}, memory: {memory}}}
            limits: {{memory: {memory}}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
          terminationMessagePolicy: FallbackToLogsOnError
          volumeMounts:
            - {{name: tmp, mountPath: /tmp}}
            {mount}
            - {{name: secret-0, mountPath: /etc/matinee/secrets/hub, readOnly: true}}
      volumes:
        - {{name: tmp, emptyDir: {{}}}}
        {volume}
        - name: secret-0
          secret:
            secretName: hub
            items: [{{key: token, path: token}}]
            defaultMode: 288
            optional: true
"""


def job(**text: Any) -> Any:
    lines = JOB.format(owner=OWNER, **text).splitlines()
    return yaml.safe_load("\n".join(line for line in lines if line.strip()))


def tree(**facts: Any) -> dict[str, Any]:
    token = {"token_file": "/etc/matinee/secrets/hub/token"}
    return {"name": "model", "kind": "model", "uri": "hf://org/LTX-Video"} | facts | token


def env_of(manifest: Manifest) -> FetchConfig:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    return load_text(FetchConfig, container["env"][0]["value"])


PLACED = {"source": SOURCE, "scheduling": {"nodeSelector": {"disk": "fast"}}}


def test_the_job_that_asks() -> None:
    asked = hub_model(**PLACED)
    made = attempted(resolve_job(asked, trees_of(asked), INSTALLATION), 2)
    config = FetchConfig.model_validate_json(
        json.dumps({"trees": [tree(revision="main", folder="/weights/model")], "family": "ltx"})
    )
    assert made == job(
        name=made["metadata"]["name"],
        verb="resolve",
        config=config.model_dump_json(exclude_defaults=True),
        more="args: [--resolve]",
        cpu="100m",
        memory="512Mi",
        mount="",
        volume="",
    )


def test_the_job_that_fetches() -> None:
    asked = resolved_model(**PLACED).model
    made = attempted(download_job(asked, trees_of(asked), INSTALLATION, "claim", None), 2)
    wanted = {
        "trees": [tree(revision=COMMIT, folder=f"/weights/{FOLDER}")],
        "family": "ltx",
        "host": "::",
    }
    config = FetchConfig.model_validate_json(json.dumps(wanted))
    assert env_of(made) == config
    assert made == job(
        name=made["metadata"]["name"],
        verb="download",
        config=config.model_dump_json(exclude_defaults=True),
        more="ports: [{name: http, containerPort: 8000}]",
        cpu="500m",
        memory="1Gi",
        mount="- {name: weights, mountPath: /weights}",
        volume="- {name: weights, persistentVolumeClaim: {claimName: claim}}",
    )


def test_a_claim_is_looked_at_without_writing() -> None:
    asked = model(source={"uri": "pvc://claim/ltx"})
    spec = resolve_job(asked, trees_of(asked), INSTALLATION)["spec"]["template"]["spec"]
    claim = {"claimName": "claim", "readOnly": True}
    assert {"name": "weights", "persistentVolumeClaim": claim} in spec["volumes"]
    mount = {"name": "weights", "mountPath": "/weights", "readOnly": True}
    assert mount in spec["containers"][0]["volumeMounts"]
    config = load_text(FetchConfig, spec["containers"][0]["env"][0]["value"])
    assert config.trees[0].folder == "/weights/ltx"


def name(asked: VideoModel, **facts: Any) -> str:
    made = download_job(asked, trees_of(asked), INSTALLATION, "claim", facts)
    return str(made["metadata"]["name"])


OTHER: dict[str, dict[str, Any]] = {
    "another Secret": {"source": HUB | {"tokenSecretRef": {"name": "other"}}},
    "another place": {"source": SOURCE, "scheduling": {"priorityClassName": "high"}},
}


@pytest.mark.parametrize("case", OTHER)
def test_another_job_is_made_for(case: str) -> None:
    usual = resolved_model(source=SOURCE).model
    assert name(resolved_model(**OTHER[case]).model) != name(usual)
    assert name(usual, claim="newer") != name(usual)


def test_secrets_are_mounted_once_each() -> None:
    adapters = [
        {"name": "a", "uri": "hf://org/a", "tokenSecretRef": {"name": "hub", "key": "other"}},
        {"name": "b", "uri": "s3://bucket/b", "tokenSecretRef": {"name": "bucket"}},
    ]
    asked = hub_model(source=SOURCE, adapters=adapters)
    spec = resolve_job(asked, trees_of(asked), INSTALLATION)["spec"]["template"]["spec"]
    secrets = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
    assert [(one["secretName"], len(one["items"])) for one in secrets] == [
        ("bucket", 1),
        ("hub", 2),
    ]


def test_the_claim() -> None:
    claim = {"size": "20Gi", "storageClassName": "fast", "accessMode": "ReadWriteOnce"}
    made = weights_claim(hub_model(cache={"claim": claim}), 20 * 1024**3)
    assert made == yaml.safe_load(
        """
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: tiny-weights
  namespace: demo
  labels:
    app.kubernetes.io/name: matinee
    app.kubernetes.io/component: weights
    app.kubernetes.io/managed-by: matinee
    matinee.video/model: tiny
  annotations: {matinee.video/owner: uid-of-tiny}
  ownerReferences:"""
        + OWNER
        + """
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: fast
  resources: {requests: {storage: 20480Mi}}
"""
    )


def test_a_warm_up_without_a_cache_fetches_first() -> None:
    asked = resolved_model(cache={"type": "None"}, warmup={"resources": {"gpu": {}}})
    spec = wanted_warmup(asked)["spec"]["template"]["spec"]
    assert [one["name"] for one in spec["initContainers"]] == ["fetch"]
    assert f"--generator.model_path=/weights/{FOLDER}" in spec["containers"][0]["args"]
