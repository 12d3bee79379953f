"""Writes that nobody is to read on the device: what lies on the disk, and who opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.harness import (
    Chromium,
    Encrypted,
    Refusal,
    ServiceWorkers,
    Tab,
    change_records,
    disk,
    empty_store,
)

SECRET = "a broken claw"


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Encrypted]:
    """A site whose notes are encrypted on the device."""
    vault = Encrypted(tmp_path)
    vault.start()
    yield vault
    vault.close()


@pytest.fixture
def ada(chromium: Chromium, vault: Encrypted) -> Tab:
    """Ada's page, the worker installed."""
    tab = Tab(chromium, vault.page("ada"))
    tab.run("async () => { await pyqueue.ready }")
    assert tab.call("principal") == "ada"
    tab.wait_until_admitted()  # The worker runs, and has heard who is signed in.
    loaded = "() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('hpke.js'))"
    chromium.wait_for(lambda: tab.page.evaluate(loaded))
    return tab


def assert_not_on_disk(tab: Tab, *texts: str) -> None:
    for store, content in disk(tab).items():
        for text in texts:
            assert text not in content, f"{store} holds it: {content}"


def enqueue(tab: Tab, task: str, text: str = SECRET, **payload: Any) -> str:
    return str(tab.call("enqueue", task, {"text": text, **payload})["id"])


WRITES = {
    "fields": "pyqueue.enqueue('note', { patient: 7, text })",
    "a file": "pyqueue.enqueue('photo', { text, file: new File([text], 'claw.txt') })",
    "files in a list": "pyqueue.enqueue('photo', { text, file: [new File([text], 'claw.txt')] })",
    "a function's task": "pyqueue.enqueue('function', { text })",
    "a request of its own": "pyqueue.enqueue({ url: '/vault/notes/7', body: { text } })",
}


@pytest.mark.parametrize("name", WRITES)
def test_nothing_of_a_write_is_legible_on_the_disk(
    name: str, ada: Tab, vault: Encrypted, chromium: Chromium
) -> None:
    """Neither as a command, nor as a job, nor once it was delivered; pages show it."""
    vault.stop()
    job = ada.run(f"async (text) => (await {WRITES[name]}).id", SECRET)
    assert_not_on_disk(ada, SECRET, "claw")
    assert SECRET in ada.run("async (id) => JSON.stringify((await pyqueue.job(id)).payload)", job)
    ada.wait_until_admitted()
    assert_not_on_disk(ada, SECRET, "claw")
    shown = ada.job(job)
    assert (shown["encryption"], SECRET in str(shown["payload"])) == ("open", True)
    assert "CryptoKey(hidden)" in disk(ada)["keys"]
    vault.start()
    result = ada.result(job)
    assert SECRET in str(result)
    [note] = vault.notes()
    assert (note["text"], note["at"]) == (SECRET, "7")
    if "file" in name:
        assert (note["name"], note["with"]) == ("claw.txt", SECRET)
    assert_not_on_disk(ada, SECRET, "claw")


def test_what_templates_name_stays_legible(ada: Tab, vault: Encrypted) -> None:
    """The worker sorts by it without a key."""
    vault.stop()
    job = enqueue(ada, "note", patient=4711)
    ada.wait_until_admitted()
    assert "patient: 4711" in disk(ada)["jobs"]
    assert ada.job(job)["orderingKey"] == "patient:4711"


def test_a_refusals_words_are_encrypted_as_well(ada: Tab, vault: Encrypted) -> None:
    """Servers repeat what they were sent. The page reads them; the code and the status stay legible."""
    vault.refuse(True)
    job = enqueue(ada, "note", patient=7)
    failed = ada.wait_for_status(job, "failed")
    assert (failed["error"]["code"], failed["error"]["status"]) == ("http", 422)
    assert SECRET in failed["error"]["message"]
    assert SECRET in failed["error"]["body"]
    assert_not_on_disk(ada, SECRET)
    assert "the server answered 422" in disk(ada)["jobs"]


def test_an_edit_is_encrypted(ada: Tab, vault: Encrypted) -> None:
    """Also one of a job that was admitted and has failed."""
    vault.refuse(True)
    job = enqueue(ada, "note", patient=7)
    ada.wait_for_status(job, "failed")
    vault.refuse(False)
    ada.call("edit", job, {"patient": 8, "text": "another claw"})
    assert_not_on_disk(ada, SECRET, "another claw")
    ada.result(job)
    assert [(note["at"], note["text"]) for note in vault.notes()] == [("8", "another claw")]
    assert_not_on_disk(ada, SECRET, "another claw")


def test_a_task_may_stay_legible(ada: Tab, vault: Encrypted) -> None:
    vault.stop()
    job = enqueue(ada, "plain")
    assert SECRET in "".join(disk(ada).values())
    assert "encryption" not in {name for name, value in ada.job(job).items() if value is not None}


def test_discarding_at_the_sign_out_destroys_the_key_at_once(ada: Tab, vault: Encrypted) -> None:
    """In the page, before any worker runs: what is left on the disk is unreadable from then on."""
    vault.stop()
    enqueue(ada, "note", patient=7)
    ada.wait_until_admitted()
    assert "ada" in disk(ada)["keys"]
    gone = ada.run("async () => { await pyqueue.clear(); return true }")
    assert gone
    assert disk(ada)["keys"] == "{}"
    assert_not_on_disk(ada, SECRET)


def test_another_persons_page_reads_nothing(ada: Tab, vault: Encrypted, chromium: Chromium) -> None:
    """Ada's note waits for her; Bo has a key of his own."""
    vault.stop()
    note = enqueue(ada, "note", patient=7)
    ada.call("signOut")
    ada.wait_until_admitted()
    vault.start()
    bo = Tab(chromium, vault.page("bo"))
    own = enqueue(bo, "note", "tea", patient=7)
    bo.result(own)
    seen = bo.job(note)
    assert (seen["sealed"], seen["payload"], SECRET in str(seen)) == (True, {}, False)
    assert [note["text"] for note in vault.notes()] == ["tea"]
    keys = disk(bo)["keys"]
    assert 'principal: "ada"' in keys
    assert 'principal: "bo"' in keys


def test_a_lost_key_ends_its_jobs_visibly_and_no_other(ada: Tab, vault: Encrypted) -> None:
    vault.stop()
    lost = [enqueue(ada, "note", patient=7), enqueue(ada, "note", patient=7)]
    plain = enqueue(ada, "plain", "tea")
    ada.wait_until_admitted()
    empty_store(ada, "keys")
    vault.start()
    ada.reload()
    for job in lost:
        failed = ada.wait_for_status(job, "failed")
        assert failed["error"]["code"] == "key_lost"
        assert "its key is gone" in failed["error"]["message"]
        assert (failed["encryption"], failed["payload"]) == ("key_lost", {"patient": 7})
    ada.result(plain)
    assert [note["text"] for note in vault.notes()] == ["tea"]
    ada.result(enqueue(ada, "note", "new", patient=7))  # With a key that was made anew.


FORGERIES = {
    "another job's payload": "(job) => ({ ...job, payload: (globalThis.first ??= job.payload) })",
    "a changed byte": "(job) => { job.payload[1].data[0] ^= 1; return job }",
    "a changed nonce": "(job) => { job.payload[1].nonce[0] ^= 1; return job }",
    "no data": "(job) => { delete job.payload[1].data; return job }",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_record_that_was_changed_is_not_sent(
    name: str, ada: Tab, vault: Encrypted, service_workers: Callable[..., ServiceWorkers]
) -> None:
    """Each payload is bound to its job and its author."""
    vault.stop()
    jobs = [enqueue(ada, "note", f"{SECRET} {number}", patient=number) for number in (1, 2)]
    ada.wait_until_admitted()
    service_workers(ada.page).stop()  # It has the records in memory.
    change_records(ada, "jobs", FORGERIES[name])
    vault.start()
    ada.reload()
    failed = ada.wait_for_status(jobs[1], "failed")
    assert (failed["error"]["code"], failed["encryption"]) == ("damaged", "damaged")
    sent = [note["text"] for note in vault.notes()]
    assert f"{SECRET} 2" not in sent
    assert sent == ([f"{SECRET} 1"] if name == "another job's payload" else [])


def test_without_the_secret_nothing_is_written(ada: Tab) -> None:
    with pytest.raises(Refusal, match=r"call pyqueue\.unlock\(secret\)") as refusal:
        enqueue(ada, "diary")
    assert refusal.value.name == "Locked"
    assert ada.call("jobs") == []
    assert_not_on_disk(ada, SECRET)


def test_what_a_secret_encrypts_waits_for_it(
    ada: Tab, vault: Encrypted, chromium: Chromium, service_workers: Callable[..., ServiceWorkers]
) -> None:
    """Nobody has stored the key: it waits as `locked`, unspent, and goes on once the secret is given."""
    ada.call("unlock", "correct horse")
    vault.stop()
    job = enqueue(ada, "diary")
    ada.wait_until_admitted()
    assert_not_on_disk(ada, SECRET, "correct horse")
    assert "CryptoKey" not in disk(ada)["keys"]
    service_workers(ada.page).stop()
    ada.page.goto("about:blank")
    vault.start()
    ada.page.goto(vault.page("ada"))
    ada.page.wait_for_function("window.pyqueue")
    other = enqueue(ada, "note", "tea", patient=7)
    ada.result(other)
    ada.wait_for_explanation(job, "locked")
    waiting = ada.job(job)
    assert (waiting["status"], waiting["payload"], waiting["encryption"]) == ("pending", {}, "locked")
    ada.call("flush")
    ada.wait_until_admitted()
    ada.wait_for_explanation(job, "locked")
    assert ada.job(job)["attempts"] == waiting["attempts"]
    with pytest.raises(Refusal, match="not the secret") as refusal:
        ada.call("unlock", "wrong horse")
    assert refusal.value.name == "Locked"
    assert [note["text"] for note in vault.notes()] == ["tea"]
    ada.call("unlock", "correct horse")
    assert ada.result(job) == {"text": SECRET}
    assert_not_on_disk(ada, SECRET)


def test_pages_and_the_worker_hand_the_key_on(ada: Tab, vault: Encrypted, chromium: Chromium) -> None:
    """A person who goes from page to page gives their secret once."""
    ada.call("unlock", "correct horse")
    second = Tab(chromium, vault.page("ada"))
    second.result(enqueue(second, "diary", "one"))
    ada.page.goto("about:blank")
    second.result(enqueue(second, "diary", "two"))
    second.reload()
    second.result(enqueue(second, "diary", "three"))
    assert [note["text"] for note in vault.notes()] == ["one", "two", "three"]


def test_jobs_of_an_earlier_secret_leave_once_it_is_given(
    ada: Tab, vault: Encrypted, service_workers: Callable[..., ServiceWorkers]
) -> None:
    """A new secret is for what is written from then on."""
    ada.call("unlock", "correct horse")
    vault.stop()
    old = enqueue(ada, "diary", "old")
    ada.wait_until_admitted()
    service_workers(ada.page).stop()
    ada.page.goto("about:blank")
    vault.start()
    ada.page.goto(vault.page("ada"))
    ada.page.wait_for_function("window.pyqueue")
    ada.call("unlock", "new horse", {"replace": True})
    ada.wait_for_explanation(old, "locked")
    new = enqueue(ada, "diary", "new")
    assert ada.job(new)["encryption"] == "open"
    ada.call("unlock", "correct horse")
    ada.result(old)
    ada.result(new)
    assert [note["text"] for note in vault.notes()] == ["old", "new"]


def test_random_bytes_are_a_secret_too(ada: Tab, vault: Encrypted) -> None:
    """As the site gives them after a login; too few of them are refused."""
    give = "async (bytes) => pyqueue.unlock(Uint8Array.from(bytes))"
    with pytest.raises(Refusal, match="at least 16 random bytes"):
        ada.run(give, list(range(15)))
    ada.run(give, list(range(32)))
    ada.result(enqueue(ada, "diary"))
    with pytest.raises(Refusal, match="not the secret"):
        ada.run(give, list(range(1, 33)))


def test_signing_out_locks(ada: Tab, vault: Encrypted) -> None:
    """Whoever signs in as the same person gives the secret again."""
    ada.call("unlock", "correct horse")
    ada.result(enqueue(ada, "diary"))
    ada.call("signOut")
    ada.call("identify", "ada")
    with pytest.raises(Refusal, match=r"pyqueue\.unlock"):
        enqueue(ada, "diary")


@pytest.mark.parametrize("name", ["fields", "a file"])
def test_what_is_sealed_to_the_server_is_opened_there_alone(name: str, ada: Tab, vault: Encrypted) -> None:
    """Not even the page that wrote it shows it again; the application gets what was written, once."""
    vault.stop()
    file = ", file: new File([text], 'claw.txt')" if name == "a file" else ""
    write = f"async (text) => (await pyqueue.enqueue('sealed', {{ patient: 7, text{file} }})).id"
    job = ada.run(write, SECRET)
    assert_not_on_disk(ada, SECRET, "claw")
    ada.wait_until_admitted()
    assert_not_on_disk(ada, SECRET, "claw")
    seen = ada.job(job)
    assert (seen["encryption"], seen["payload"]) == ("server", {"patient": 7})
    vault.start()
    assert SECRET in str(ada.result(job))  # Of the answer, which the device's key opens.
    [note] = vault.notes()
    kind = "multipart/form-data" if name == "a file" else "application/json"
    assert (note["text"], note["at"], note["type"]) == (SECRET, "7", kind)
    assert_not_on_disk(ada, SECRET, "claw")
