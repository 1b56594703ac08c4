"""The contract of alarms and the daily report: rows and shapes."""

SENT = {
    "target": "text",
    "kind": "text?",
    "alarms": "count",
    "messages": "count",
    "ok": "true/false",
    "detail": "text?",
    "recipient": "text?",
}
COUNTS = (
    *("minted", "packaged", "reprinted", "printed", "spoiled", "corrected"),
    *("activated", "revoked", "frozen", "voided", "associated", "dissociated"),
    *("alarms", "unacknowledged", "refused", "without_receipt"),
)


def shapes():
    """The JSON that the commands print."""
    return {
        "alarms send": {"targets": [SENT], "examined": "true/false"},
        "alarms test": {"targets": [SENT]},
        "report daily": {
            "date": "text",
            "time_zone": "text",
            **dict.fromkeys(COUNTS, "count"),
            "alarms_by_kind": "object",
            "scanned": "count?",
            "scanned_detail": "text?",
            "scanned_since": "count?",
            "scanned_since_day": "text?",
            **dict.fromkeys(("stopped", "copied", "diverted"), "count?"),
            "market_detail": "text?",
            "market": [
                {
                    "finding": "stopped | copied | diverted",
                    **dict.fromkeys(("codes", "scans"), "count"),
                    "batch": "id",
                    "package": "id?",
                    "serials": "ranges",
                    **dict.fromkeys(("dealer", "contact", "contact_name"), "text?"),
                    **dict.fromkeys(("region", "seen_in"), "text?"),
                }
            ],
            **dict.fromkeys(("scheduled", "scheduled_due", "incidents"), "count"),
            "notified": [SENT],
        },
    }


def rows(row, ok, no):
    """The rows; `row`, `ok` and `no` make them."""
    to = {"damage": "alarm-target"}
    return (
        ok("a new target", "alarms send", backend="hook", expected={"examined": True}, **to),
        row("a target that cannot be opened", "alarms send", 6, result=True, **to),
        no(2, "no targets", "alarms send", "no alarm targets"),
        no(2, "a target that is no text", "alarms send", "names with a text", damage="no-targets"),
        no(4, "no home", "alarms send", "no mintmark home", world="none"),
        no(5, "its cursor is damaged", "alarms send", "damaged", damage="alarm-cursor"),
        ok("every target accepts it", "alarms test", backend="hook", **to),
        row("a target does not accept it", "alarms test", 6, result=True, **to),
        no(2, "no targets", "alarms test", "no alarm targets"),
        no(4, "no home", "alarms test", "no mintmark home", world="none"),
        ok(
            "today",
            "report daily",
            expected={"minted": 16_000, "packaged": 2_000, "scanned": None, "diverted": None},
        ),
        ok(
            "an earlier day", "report daily --date 2026-01-31", expected={"minted": 0, "printed": 0}
        ),
        ok("with a backend", "report daily", backend="real", expected={"scanned": 0}),
        ok(
            "what scans in the market mean",
            "report daily",
            world="sold",
            backend="real",
            expected={"stopped": 1, "diverted": 1, "copied": 0, "incidents": 2},
        ),
        no(2, "a limit that is none", "report daily", "must be a number", damage="wrong-limit"),
        row("a target does not accept it", "report daily --notify", 6, result=True, **to),
        no(2, "not a date", "report daily --date 31.1.", "not a date"),
        no(2, "no targets", "report daily --notify", "no alarm targets"),
        no(4, "no home", "report daily", "no mintmark home", world="none"),
    )
