# SPDX-License-Identifier: Apache-2.0
"""Run a service of docker-compose.yml from an image's file system, with what Docker would give it.

runc is what Docker runs containers with; the settings come from the file, the rest from the image.
Containers share the network that the tests have, and know each other's names from /etc/hosts.
"""

import json
import os
import platform
import subprocess
import time
from pathlib import Path

import compose

# What Docker leaves a container that drops nothing.
DEFAULT_CAPABILITIES = """CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID CAP_SETUID
    CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL CAP_AUDIT_WRITE""".split()
PROFILE = Path("/usr/share/containers/seccomp.json")
ARCHITECTURES = {"x86_64": ("amd64", "SCMP_ARCH_X86_64"), "aarch64": ("arm64", "SCMP_ARCH_AARCH64")}


def seccomp(capabilities):
    """The filter that container engines ship, as it is for a container with these capabilities."""
    arch, name = ARCHITECTURES[platform.machine()]
    profile = json.loads(PROFILE.read_text())
    rules = []
    for rule in profile["syscalls"]:
        includes, excludes = rule.get("includes", {}), rule.get("excludes", {})
        if not set(includes.get("caps", [])) <= set(capabilities):
            continue
        if arch not in includes.get("arches", [arch]) or "minKernel" in includes:
            continue
        if set(excludes.get("caps", [])) & set(capabilities) or arch in excludes.get("arches", []):
            continue
        kept = {key: rule[key] for key in ("names", "action", "args", "errnoRet") if rule.get(key)}
        rules.append(kept)
    return {
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
        "architectures": [name],
        "syscalls": rules,
    }


def image_config(tag):
    done = subprocess.run(
        ["buildah", "inspect", "--type", "image", tag], capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout)["Docker"]["config"]


class Container:
    """One running service of the file."""

    def __init__(self, name, service, image, root, folder, hosts):
        self.id = f"kferry-test-{os.getpid()}-{name}"
        self.service, self.image, self.folder = service, image, Path(folder)
        self.log = self.folder / "log"
        (self.folder / "hosts").write_text("".join(f"127.0.0.1 {host}\n" for host in hosts))
        config = self._spec(root)
        (self.folder / "config.json").write_text(json.dumps(config))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["runc", "run", "--bundle", self.folder, self.id], stdout=log, stderr=log
            )

    def _environment(self):
        pairs = dict(entry.split("=", 1) for entry in self.image["Env"] or [])
        return pairs | {k: str(v) for k, v in self.service.get("environment", {}).items()}

    def _spec(self, root):
        subprocess.run(["runc", "spec"], cwd=self.folder, check=True)
        config = json.loads((self.folder / "config.json").read_text())
        user, group = (int(n) for n in (self.service.get("user") or self.image["User"]).split(":"))
        kept = [] if self.service.get("cap_drop") == ["ALL"] else DEFAULT_CAPABILITIES
        command = self.service.get("command") or self.image["Cmd"]
        config["root"] = {"path": str(root), "readonly": self.service["read_only"]}
        config["process"].update(
            terminal=False,
            args=(self.service.get("entrypoint") or self.image["Entrypoint"]) + command,
            cwd=self.image["WorkingDir"],
            env=[f"{k}={v}" for k, v in self._environment().items()],
            user={"uid": user, "gid": group},
            noNewPrivileges="no-new-privileges:true" in self.service["security_opt"],
            capabilities={kind: kept for kind in ("bounding", "effective", "permitted")},
        )
        config["process"].pop("rlimits", None)
        config["mounts"] += self._mounts()
        config["linux"]["namespaces"] = [
            one for one in config["linux"]["namespaces"] if one["type"] != "network"
        ]
        config["linux"]["seccomp"] = seccomp(kept)
        config["linux"]["resources"] = {
            "memory": {"limit": compose.bytes_of(self.service["mem_limit"])},
            "pids": {"limit": self.service["pids_limit"]},
            "cpu": {"period": 100000, "quota": int(self.service["cpus"] * 100000)},
        }
        return config

    def _mounts(self):
        """Named volumes begin as the image has the folder: with its owner."""
        yield {"type": "bind", "source": str(self.folder / "hosts"), "destination": "/etc/hosts",
               "options": ["bind", "ro"]}  # fmt: skip
        for target, options in compose.tmpfs_of(self.service).items():
            yield {"type": "tmpfs", "source": "tmpfs", "destination": target,
                   "options": ["nosuid", "nodev", *filter(None, options.split(","))]}  # fmt: skip
        for mount in self.service.get("volumes", []):
            target = mount.split(":")[1]
            source = self.folder / "volumes" / target.strip("/")
            source.mkdir(parents=True, exist_ok=True)
            os.chown(source, 65532, 0)
            yield {"type": "bind", "source": str(source), "destination": target, "options": ["rbind"]}

    def state(self):
        done = subprocess.run(["runc", "state", self.id], capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def check_health(self):
        """The exit status of the health check, run inside as Docker does."""
        test = self.service["healthcheck"]["test"][1:]
        done = subprocess.run(["runc", "exec", self.id, *test], capture_output=True)
        return done.returncode

    def wait_healthy(self, seconds=60):
        end = time.time() + seconds
        while time.time() < end and self.process.poll() is None:
            if self.state().get("status") == "running" and self.check_health() == 0:
                return
            time.sleep(0.2)
        raise AssertionError(f"it does not become healthy: {self.log.read_text()}")

    def events(self, name):
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]
        return [line for line in lines if line["event"] == name]

    def stop(self):
        """As `docker stop`: the image's signal, and the time of the file; the exit status."""
        subprocess.run(["runc", "kill", self.id, self.image.get("StopSignal") or "SIGTERM"])
        try:
            return self.process.wait(int(self.service["stop_grace_period"].rstrip("s")))
        finally:
            subprocess.run(["runc", "delete", "--force", self.id], capture_output=True)
