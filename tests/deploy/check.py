"""What a schema cannot say of rendered manifests: python3 tests/deploy/check.py FILE..."""

import pathlib
import sys

import yaml


def check(path):
    objects = [found for found in yaml.safe_load_all(path.read_text()) if found]
    by_kind = {found["kind"]: found for found in objects}
    assert len(by_kind) == len(objects), "one object of each kind"
    expected = {"Namespace", "ServiceAccount", "ConfigMap", "Secret", "Deployment", "Service",
                "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"}
    assert set(by_kind) == expected, set(by_kind) ^ expected
    namespace = by_kind["Namespace"]["metadata"]["name"]
    for found in objects:
        assert found["kind"] == "Namespace" or found["metadata"]["namespace"] == namespace, found["metadata"]

    deployment = by_kind["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    selectors = [deployment["selector"]["matchLabels"], by_kind["Service"]["spec"]["selector"]]
    selectors += [by_kind[kind]["spec"][member]["matchLabels"] for kind, member in
                  [("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")]]
    for selector in selectors:
        assert selector and selector.items() <= labels.items(), f"{selector} does not select {labels}"

    # The standard that Kubernetes calls "restricted", and a root that nothing can be written to.
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert pod["automountServiceAccountToken"] is False
    [container] = pod["containers"]
    security = container["securityContext"]
    assert security["capabilities"]["drop"] == ["ALL"] and "add" not in security["capabilities"]
    assert security["allowPrivilegeEscalation"] is False and security["readOnlyRootFilesystem"] is True
    resources = container["resources"]
    assert "cpu" in resources["requests"] and resources["requests"]["memory"] == resources["limits"]["memory"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()

    # What is mounted is there, and the port that is asked is the one that is listened on.
    files = {"config": by_kind["ConfigMap"]["data"], "keys": by_kind["Secret"]["data"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["config"]["configMap"]["name"] == by_kind["ConfigMap"]["metadata"]["name"]
    assert volumes["keys"]["secret"]["secretName"] == by_kind["Secret"]["metadata"]["name"]
    mounted = {f"{mount['mountPath']}/{name}" for mount in container["volumeMounts"] for name in files[mount["name"]]}
    [config] = [variable["value"] for variable in container["env"] if variable["name"] == "GRADD_CONFIG"]
    assert config in mounted, f"{config} is not among {mounted}"
    settings = dict(line.split(" = ", 1) for line in files["config"]["gradd.toml"].splitlines() if " = " in line and line[0] != "#")
    assert settings.get("keys_file", f'"{next(iter(mounted))}"').strip('"') in mounted, settings
    [port] = container["ports"]
    assert settings["listen"].strip('"') == f"0.0.0.0:{port['containerPort']}", settings["listen"]
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause + float(settings.get("grace", 25)) + 5 <= pod["terminationGracePeriodSeconds"], "no time to drain"

    scaler, budget = by_kind["HorizontalPodAutoscaler"]["spec"], by_kind["PodDisruptionBudget"]["spec"]
    assert "replicas" not in deployment, "the autoscaler and the deployment would fight over it"
    assert scaler["scaleTargetRef"]["name"] == by_kind["Deployment"]["metadata"]["name"]
    assert scaler["minReplicas"] <= scaler["maxReplicas"] and budget["maxUnavailable"] == 1
    print(f"deploy: {path.stem}, {len(objects)} objects that go together")


for name in sys.argv[1:]:
    check(pathlib.Path(name))
