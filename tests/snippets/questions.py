"""Answers the questions of test_snippets.py with the snippet in Python: argv[1] is its folder."""

import sqlite3
import sys

sys.path.insert(0, sys.argv[1])
import backend

keys = {}


def verify(hosts, now, *fields):
    names = ("@method", "@authority", "@path", "@query")
    request = dict(zip(names, fields[:4], strict=True))
    request["@query"] = f"?{fields[3]}"
    headers = {"signature-input": fields[5], "signature": fields[6]}
    headers |= {"content-digest": fields[4]} if fields[4] else {}
    body = bytes.fromhex(fields[7])
    found = backend.verified(keys, set(hosts.split(" ")), int(now), request, headers, body)
    return f"good {found[0]}" if found else "bad"


def answer(kind, *fields):
    if kind == "key":
        keys[fields[0]] = (fields[1], bytes.fromhex(fields[2]))
        return "known"
    if kind == "canonical":
        try:
            return backend.canonical(fields[0], bytes.fromhex(fields[1]).decode("utf-8"))
        except ValueError:
            return "-"
    if kind == "fingerprint":
        return backend.fingerprint(bytes.fromhex(fields[0]), fields[1]).hex()
    if kind == "nonce":
        with sqlite3.connect(fields[0]) as database:
            fresh = backend.fresh(database, fields[1], fields[2], int(fields[3]))
        database.close()
        return "fresh" if fresh else "used"
    return verify(*fields)


for line in sys.stdin:
    print(answer(*line.rstrip("\n").split("\t")))
