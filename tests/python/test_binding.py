"""The Python binding against a real world, and against none."""

import ctypes
import gc
import os
import subprocess
import sys
import tempfile
import threading
import unittest

import cloister
from cloister import library
from started_world import BUILD, WorldTestCase, command


class Numbers(unittest.TestCase):
    """What the binding repeats of the C headers must be what the library says."""

    def test_statuses_have_the_names_of_the_library(self):
        for status in cloister.Status:
            self.assertEqual(library.lib.cloister_status_name(status).decode(), status.name)
        self.assertEqual(library.lib.cloister_status_name(max(cloister.Status) + 1), b"UNKNOWN")

    def test_origins_have_the_names_of_the_library(self):
        for origin in list(cloister.Origin)[1:]:
            name = library.lib.cloister_origin_name(origin).decode()
            self.assertEqual(name.upper(), origin.name)

    def test_structures_have_the_sizes_of_the_abi(self):
        self.assertEqual(ctypes.sizeof(library.CMethod), 72)
        self.assertEqual(ctypes.sizeof(library.CModuleInfo), 464 + 32 * 72)
        self.assertEqual(library.CModuleInfo.measurement.offset, 96)
        self.assertEqual(ctypes.sizeof(library.CWorldInfo), 88)
        self.assertEqual(ctypes.sizeof(library.CGuestInfo), 208)
        self.assertEqual(ctypes.sizeof(library.CGuestsInfo), 264 + 64 * 208)


class Alone(unittest.TestCase):
    def test_world_that_does_not_run_is_not_found(self):
        with self.assertRaises(cloister.Error) as caught:
            cloister.World("/nonexistent/x.sock")
        self.assertEqual(caught.exception.status, cloister.Status.NOT_FOUND)
        self.assertEqual(caught.exception.name, "NOT_FOUND")
        self.assertIn("/nonexistent/x.sock", str(caught.exception))

    def test_machine_without_mailbox_device_is_told_so(self):
        for name in "guest:", "guest:0000:00:04.0":
            with self.assertRaises(cloister.Error) as caught:
                cloister.World(name)
            self.assertEqual(caught.exception.status, cloister.Status.NOT_FOUND)
            self.assertIn("no mailbox device 1af4:1110", str(caught.exception))

    def test_name_with_nul_is_refused(self):
        with self.assertRaises(ValueError):
            cloister.World("demo\0/etc")

    def test_library_that_is_not_there_is_named(self):
        environment = {**os.environ, "CLOISTER_LIBRARY": "/nonexistent/lib.so"}
        done = subprocess.run(
            [sys.executable, "-c", "import cloister"],
            env=environment, capture_output=True, text=True, check=False,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/nonexistent/lib.so", done.stderr)
        self.assertIn("CLOISTER_LIBRARY", done.stderr)


class Running(WorldTestCase):
    modules = ("modules/echo", "modules/vault", "modules/notes", "tests/modules/calls")

    def setUp(self):
        self.world = cloister.World("test")
        self.addCleanup(self.world.close)

    def session(self, module, **options):
        session = self.world.session(module, **options)
        self.addCleanup(session.close)
        return session

    def assert_error(self, status, origin, action, *words, **options):
        with self.assertRaises(cloister.Error) as caught:
            action(*words, **options)
        self.assertEqual((caught.exception.status, caught.exception.origin), (status, origin))

    def test_world_says_what_it_is(self):
        info = self.world.info()
        self.assertEqual((info.name, info.debug, info.module_count), ("test", True, len(self.modules)))
        self.assertEqual(info.state, cloister.WorldState.SERVING)
        self.assertIn(info.isolation, cloister.Isolation)
        os.kill(info.pid, 0)

    def test_module_facts_are_those_of_the_file(self):
        facts = self.world.module("vault")
        measured = command("module", "measure", f"{BUILD}/modules/vault.mod").strip()
        self.assertEqual(facts.measurement.hex(), measured)
        self.assertEqual(facts.author, b"")
        self.assertEqual([method.name for method in facts.methods], ["put", "get"])
        put = facts.methods[0]
        self.assertEqual([p.direction.name for p in put.parameters], ["IN", "OUT"])
        self.assertEqual(put.parameters[0].size_max, 1 << 20)
        names = [os.path.basename(path) for path in self.modules]
        self.assertEqual([m.name for m in self.world.modules()], names)

    def test_vault_gives_back_what_it_sealed(self):
        with cloister.World("test") as world, world.session("vault") as session:
            blob = session.call("put", b"a secret")
            self.assertNotIn(b"secret", blob)
            self.assertEqual(session.call("get", blob), b"a secret")

    def test_altered_blob_is_refused_by_the_module(self):
        session = self.session("vault")
        blob = bytearray(session.call("put", b"a secret"))
        blob[-1] ^= 1
        self.assert_error(
            cloister.Status.CORRUPT, cloister.Origin.MODULE, session.call, "get", blob
        )

    def test_every_kind_of_bytes_and_every_size_comes_back(self):
        session = self.session("echo")
        for size in (0, 1, 47, 48, 49, 4095, 4096):
            data = os.urandom(size)
            for kind in (bytes, bytearray, memoryview):
                self.assertEqual(session.call("echo", kind(data)), data)
        self.assertEqual(session.call("echo", memoryview(b"abcdef")[::2]), b"ace")

    def test_large_message_comes_back(self):
        data = os.urandom(1 << 20)
        session = self.session("vault")
        self.assertEqual(session.call("get", session.call("put", data)), data)

    def test_room_bounds_the_output(self):
        session = self.session("echo")
        self.assertEqual(session.call("echo", b"12345", room=5), b"12345")
        self.assert_error(
            cloister.Status.TOO_BIG, cloister.Origin.MODULE, session.call, "echo", b"12345", room=4
        )

    def test_wrong_inputs_are_refused_before_anything_is_sent(self):
        session = self.session("echo")
        calls = self.world.module("echo").calls
        for inputs in ((), (b"a", b"b"), ("text",), ((1, 2),), (None,)):
            with self.assertRaises(TypeError):
                session.call("echo", *inputs)
        client = cloister.Origin.CLIENT
        self.assert_error(cloister.Status.TOO_BIG, client, session.call, "echo", bytes(4097))
        self.assert_error(cloister.Status.NOT_FOUND, client, session.call, "shout", b"")
        self.assertEqual(self.world.module("echo").calls, calls)

    def test_malformed_message_is_refused_by_the_module(self):
        session = self.session("notes")
        self.assert_error(
            cloister.Status.BAD_FORMAT, cloister.Origin.MODULE, session.call, "add", b"\x0a"
        )
        session.call("add", bytes.fromhex("0a070a05") + b"title")
        self.assertEqual(session.call("list"), bytes.fromhex("0a05") + b"title")
        self.assertIsNone(session.call("clear"))
        self.assertEqual(session.call("list"), b"")

    def test_unknown_module_is_not_found(self):
        for options in ({}, {"arena_size": 4096}):
            with self.assertRaises(cloister.Error) as caught:
                self.world.session("nobody", **options)
            self.assertEqual(caught.exception.name, "NOT_FOUND")

    def test_closed_things_say_so(self):
        session = self.world.session("echo")
        session.close()
        session.close()
        self.assert_error(
            cloister.Status.CLOSED, cloister.Origin.CLIENT, session.call, "echo", b""
        )
        world = cloister.World("test")
        world.close()
        world.close()
        self.assert_error(cloister.Status.CLOSED, cloister.Origin.CLIENT, world.info)

    def test_session_outlives_its_world_object(self):
        with cloister.World("test") as world:
            session = world.session("echo")
        with session:
            self.assertEqual(session.call("echo", b"still"), b"still")

    def test_threads_share_a_session(self):
        session = self.session("echo")
        wrong = []

        def work(number):
            for i in range(200):
                data = bytes([number, i]) * (number * 40)
                if session.call("echo", data) != data:
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_sixty_four_calls_are_in_flight_and_no_more(self):
        session = self.session("echo")
        data = [bytes([i]) * (i % 49) for i in range(64)]
        calls = [session.submit("echo", each, room=48) for each in data]
        self.assert_error(
            cloister.Status.BUSY, cloister.Origin.CLIENT, session.submit, "echo", b"", room=48
        )
        self.assertEqual([call.wait() for call in reversed(calls)], data[::-1])
        self.assertEqual(calls[0].wait(), data[0])
        self.assertTrue(calls[0].done())
        self.assertEqual(session.submit("echo", b"again").wait(), b"again")

    def test_forgotten_calls_keep_their_memory(self):
        session = self.session("echo")
        for i in range(8):
            session.submit("echo", bytes([i]) * 2000)
        gc.collect()
        session.flush()
        self.assertEqual(session.call("echo", b"x" * 4000), b"x" * 4000)

    def test_any_of_several_calls_is_waited_for(self):
        session = self.session("notes")
        good, bad = session.submit("list"), session.submit("add", b"\x0a")
        waiting = [good, bad]
        while waiting:
            waiting.remove(session.wait_any(waiting))
        self.assertEqual(good.wait(), b"")
        self.assert_error(cloister.Status.BAD_FORMAT, cloister.Origin.MODULE, bad.wait)
        with self.assertRaises(cloister.Error):
            session.wait_any([])

    def test_call_that_is_over_can_be_cancelled_in_vain(self):
        session = self.session("echo")
        call = session.submit("echo", b"x")
        while not call.done():
            pass
        call.cancel()
        self.assertEqual(call.wait(), b"x")

    def test_pending_call_of_a_closed_session_says_so(self):
        session = self.world.session("echo")
        call = session.submit("echo", b"x")
        session.close()
        for action in (call.wait, call.done, call.cancel):
            self.assert_error(cloister.Status.CLOSED, cloister.Origin.CLIENT, action)

    def test_file_goes_through_a_stream(self):
        session = self.session("calls")
        data = os.urandom(100_000)
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            source.write(data)
            source.seek(0)
            target.write(b"head")
            session.stream("invert", source, target)
            target.seek(0)
            self.assertEqual(target.read(), b"head" + bytes(255 - byte for byte in data))
            source.seek(0)
            session.stream("invert", source.fileno())

    def test_what_is_no_stream_is_refused(self):
        session = self.session("calls")
        with tempfile.TemporaryFile() as source:
            self.assert_error(
                cloister.Status.NOT_FOUND, cloister.Origin.CLIENT, session.stream, "nowhere", source
            )
            echo = self.session("echo")
            self.assert_error(
                cloister.Status.BAD_ARGUMENT, cloister.Origin.CLIENT, echo.stream, "echo", source
            )

    def test_world_without_guests_has_none(self):
        self.assertEqual(self.world.guests(), ())

    def test_timeouts_out_of_bounds_are_refused(self):
        self.world.set_timeout(5000)
        self.assertEqual(self.world.info().name, "test")
        for timeout in (0, -1, 3_600_001, 1 << 32):
            with self.assertRaises(ValueError):
                self.world.set_timeout(timeout)

    def test_report_is_about_the_module_and_the_nonce(self):
        nonce = os.urandom(32)
        report = self.world.report("vault", nonce)
        self.assertIn(nonce, report)
        self.assertIn(self.world.module("vault").measurement, report)

    def test_nonce_of_a_wrong_size_is_refused(self):
        for size in (0, 15, 65):
            with self.assertRaises(cloister.Error) as caught:
                self.world.report("vault", bytes(size))
            self.assertEqual(caught.exception.name, "BAD_ARGUMENT")


class Stopping(WorldTestCase):
    modules = ("modules/echo",)

    def test_session_of_a_stopped_world_is_dead(self):
        with cloister.World("test") as world, world.session("echo") as session:
            world.stop()
            with self.assertRaises(cloister.Error) as caught:
                for _ in range(1000):
                    session.call("echo", b"x", deadline_us=1_000_000)
            self.assertIn(caught.exception.name, ("DEAD", "CLOSED"))


if __name__ == "__main__":
    unittest.main()
