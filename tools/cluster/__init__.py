"""A real Kubernetes on this machine, without Docker: real components, real kubelets, real pods.

A node is a network namespace and a subtree of cgroups. docs/test-cluster.md tells how it works.
"""
