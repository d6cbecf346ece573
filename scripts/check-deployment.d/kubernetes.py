"""What no schema says of the manifests in deploy/kubernetes: pods are restricted, probed and drained, the migration has a role of
its own, and each name that is used exists. Argument: the output of kustomize."""

import pathlib
import sys

import yaml

objects = list(yaml.safe_load_all(pathlib.Path(sys.argv[1]).read_text()))
problems = []


def find(kind, name):
    found = [entry for entry in objects if entry["kind"] == kind and entry["metadata"]["name"] == name]
    if len(found) != 1:
        problems.append(f"{len(found)} objects {kind} {name}")
    return found[0] if found else {}


def require(what, holds):
    if not holds:
        problems.append(what)


def check_pod(name, pod):
    require(f"{name}: no token", pod.get("automountServiceAccountToken") is False)
    find("ServiceAccount", pod["serviceAccountName"])
    require(f"{name}: non-root", pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0)
    require(f"{name}: seccomp", pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault")
    for container in pod["containers"]:
        context = container["securityContext"]
        require(f"{name}: read-only root", context["readOnlyRootFilesystem"] is True)
        require(f"{name}: no escalation", context["allowPrivilegeEscalation"] is False)
        require(f"{name}: no capability", context["capabilities"] == {"drop": ["ALL"]})
        require(f"{name}: memory", {"requests", "limits"} <= container["resources"].keys())
        for source in container.get("envFrom", []):
            find("ConfigMap", source["configMapRef"]["name"])
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        require(f"{name}: mounts", mounts == {volume["name"] for volume in pod["volumes"]})
    return {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}


deployment, job = find("Deployment", "mdl"), find("Job", "mdl-migrate")
pod = deployment["spec"]["template"]["spec"]
require("secret of the service", check_pod("mdl", pod) == {"mdl-service"})
require("secret of the migration", check_pod("mdl-migrate", job["spec"]["template"]["spec"]) == {"mdl-migrate"})
container = pod["containers"][0]
paths = {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
# A liveness probe that asks for the database would restart all pods in an outage.
require("probes", paths == {"startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready"})
variables = {variable["name"]: variable["value"] for variable in container["env"]}
delay = int(variables["SHUTDOWN_DELAY"]) / 1000
require("time to stop", pod["terminationGracePeriodSeconds"] >= delay + 30 + 10 + 10)
readiness = container["readinessProbe"]
noticed = readiness["periodSeconds"] * readiness["failureThreshold"] + readiness["timeoutSeconds"]
require("readiness is noticed within SHUTDOWN_DELAY", noticed < delay)
require("no pod is missed in an update", deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0)
require("more than one pod", deployment["spec"]["replicas"] >= 2)
labels = deployment["spec"]["template"]["metadata"]["labels"]
selector = {"app.kubernetes.io/name": "mdl"}
require("labels", selector.items() <= labels.items())
for kind, name in [("Service", "mdl"), ("Service", "mdl-metrics")]:
    require(f"{kind} {name} selects the pods", find(kind, name)["spec"]["selector"] == selector)
for kind, name, field in [("PodDisruptionBudget", "mdl", "selector"), ("NetworkPolicy", "mdl", "podSelector")]:
    require(f"{kind} {name} selects the pods", find(kind, name)["spec"][field] == {"matchLabels": selector})
deny = find("NetworkPolicy", "default-deny")["spec"]
require("everything else is denied", deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
print("\n".join(problems))
sys.exit(bool(problems))
