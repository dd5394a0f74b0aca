"""Shelfcast on Kubernetes: manifests for Kustomize, and what of them is made from the code."""
