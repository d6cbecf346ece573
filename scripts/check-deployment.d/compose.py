"""What no schema says of deploy/compose/compose.yaml: mounted files and secrets exist, images have a version, and containers are
restricted. Arguments: the file, and a folder with secrets that make-secrets has made."""

import pathlib
import sys

import yaml

path, secrets = map(pathlib.Path, sys.argv[1:])
document = yaml.safe_load(path.read_text())
problems = []
for name, secret in document["secrets"].items():
    file = pathlib.PurePath(secret["file"])
    if file.parent.as_posix() != "secrets" or not (secrets / file.name).is_file():
        problems.append(f"secret {name}: make-secrets does not make {file}")
used = set()
for name, service in document["services"].items():
    if ":" not in service["image"] or service["image"].endswith(":latest"):
        problems.append(f"{name}: its image has no version")
    for mount in service.get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            if not (path.parent / source).exists():
                problems.append(f"{name}: {source} does not exist")
            if not mount.endswith(":ro"):
                problems.append(f"{name}: {source} is writable")
        elif source not in document["volumes"]:
            problems.append(f"{name}: {source} is no volume")
    used.update(service.get("secrets", []))
    for text in map(str, service.get("environment", {}).values()):
        secret = text.removeprefix("/run/secrets/")
        if secret != text and secret not in service.get("secrets", []):
            problems.append(f"{name}: it is not given the secret {secret}")
    if service["image"].startswith("mdl:"):
        restricted = service.get("read_only") and service.get("cap_drop") == ["ALL"] and service.get("security_opt")
        if not restricted:
            problems.append(f"{name}: it is not restricted")
        if any("owner" in secret for secret in service["secrets"]) != (name == "migrate"):
            problems.append(f"{name}: only migrate is the owner of the schema")
    for port in service.get("ports", []):
        if name != "proxy" and not port.startswith("127.0.0.1:"):
            problems.append(f"{name}: {port} is open to others")
problems += [f"secret {name} is not used" for name in document["secrets"].keys() - used]
proxy = document["services"]["proxy"]["networks"]["proxied"]["ipv4_address"]
if document["x-mdl"]["environment"]["TRUSTED_PROXIES"] != proxy:
    problems.append("TRUSTED_PROXIES is not the address of the proxy")
if len([name for name in document["services"] if name.startswith("mdl")]) != 2:
    problems.append("there are not two instances")
print("\n".join(problems))
sys.exit(bool(problems))
