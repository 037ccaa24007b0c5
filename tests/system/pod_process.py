"""The worker of a pod as a process of this machine, started from the pod's own specification, and what the node of a cluster
says of it."""

import contextlib
import os
import signal
import subprocess
import time

from by_hand import program


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Container:
    """The worker of a pod as a process."""

    def __init__(self, pod, folder, secret, environment):
        spec = pod["spec"]["containers"][0]
        name = pod["metadata"]["name"]
        self.log = os.path.join(folder, name + ".log")
        self.hook, self.spec = None, spec
        places = {
            "/etc/braid/secret": os.path.join(folder, name, "secret"),
            "/var/lib/braid-worker": os.path.join(folder, name, "work"),
        }
        for place in places.values():
            os.makedirs(place)
        for key, text in secret.items():
            path = os.path.join(places["/etc/braid/secret"], key)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(text)
        rank = pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
        words = []
        for word in [*spec["command"], *spec["args"]]:
            for place, here in places.items():
                word = word.replace(place, here)
            words.append(word.replace("$(BRAID_RANK)", rank).replace("$$", "$"))
        words = [program(word) if word == "braid-worker" else word for word in words]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                words, env={**environment, "BRAID_RANK": rank}, stdout=log, stderr=log
            )

    def end(self):
        """Runs the hook that is there for the end, once. In a container the worker is process 1."""
        if self.hook is None:
            words = self.spec["lifecycle"]["preStop"]["exec"]["command"]
            words = [word.replace(" 1;", f" {self.process.pid};") for word in words]
            self.hook = subprocess.Popen(words, start_new_session=True)

    def status(self):
        code = self.process.poll()
        if code is None:
            return None
        if self.hook is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.hook.pid, signal.SIGKILL)
            self.hook.wait()
        ended = {
            "exitCode": code if code >= 0 else 128 - code,
            "reason": "Completed",
            "finishedAt": now(),
        }
        if code != 0:
            with open(self.log, encoding="utf-8") as log:
                ended.update(reason="Error", message=log.read()[-2000:])
        return {
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [container_status("terminated", ended, self.spec["image"])],
        }

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.status()


def container_status(state, content, image):
    return {
        "name": "worker",
        "image": image,
        "imageID": "",
        "ready": state == "running",
        "restartCount": 0,
        "state": {state: content},
    }
