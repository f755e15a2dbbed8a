"""The proof: what the provider has paid, beside what was due."""

from collections import Counter


def all_of(instance, path, name, key):
    """The whole of a listing, page after page."""
    entries, after = [], ""
    while after is not None:
        status, page = instance.send("GET", f"{path}?after={after}")
        assert status == 200, (status, page)
        entries += page[name]
        after = page["next"]
    assert len({entry[key] for entry in entries}) == len(entries), f"`{key}` comes twice in {path}"
    return entries


def verify(app, provider, count):
    """Every invoice is paid, and the provider has paid each of them once, in full and nothing else."""
    invoices = all_of(app, "/invoices", "invoices", "id")
    assert len(invoices) == count, f"{len(invoices)} invoices, not {count}"
    unpaid = [invoice for invoice in invoices if invoice["state"] != "paid"]
    assert not unpaid, f"{len(unpaid)} are not paid, such as {unpaid[0]}"
    payments = all_of(provider, "/payments", "payments", "idempotency_key")
    twice = [entry for entry, times in Counter(payment["id"] for payment in payments).items() if times > 1]
    assert not twice, f"paid more than once: {twice}"
    due = {(invoice["id"], invoice["value"], invoice["currency"]) for invoice in invoices}
    paid = {(payment["id"], payment["value"], payment["currency"]) for payment in payments}
    assert due == paid, f"paid, but not due: {sorted(paid - due)}; due, but not paid: {sorted(due - paid)}"
