"""A running world for tests, with platform keys and a runtime folder of its own."""

import os
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("CLOISTER_BUILD", "build")


def why_impossible():
    """Why a world cannot run here, or None."""
    return None if os.access("/dev/kvm", os.R_OK | os.W_OK) else "/dev/kvm cannot be used"


def command(*words, **options):
    return subprocess.run(
        [f"{BUILD}/cloister", *words], check=True, capture_output=True, text=True, **options
    ).stdout


class WorldTestCase(unittest.TestCase):
    """A test case whose tests share a debug world with these modules, paths in the build."""

    modules = ()

    @classmethod
    def setUpClass(cls):
        if why_impossible():
            raise unittest.SkipTest(why_impossible())
        folder = tempfile.TemporaryDirectory(prefix="cloister-python.")
        cls.addClassCleanup(folder.cleanup)
        os.environ["CLOISTER_STATE"] = f"{folder.name}/state"
        os.environ["CLOISTER_RUNTIME"] = f"{folder.name}/run"
        command("key", "init")
        options = [word for name in cls.modules for word in ("--module", f"{BUILD}/{name}.mod")]
        command("world", "run", "test", "--debug", *options, "--detach", stdin=subprocess.DEVNULL)
        cls.addClassCleanup(subprocess.run, [f"{BUILD}/cloister", "world", "stop", "test"],
                            capture_output=True, check=False)
