"""What an export will hold: decided by the books alone, before anything is written."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import ledger_kit as kit
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintmark.codegen.errors import NotFound, Refused, UsageError
from mintmark.codegen.ledger import changes
from mintmark.codegen.ranges import serials
from mintmark.codegen.ranges.serials import Range
from mintmark.packaging import commands, export_types
from mintmark.packaging.export_plan import plan, reservation
from mintmark.packaging.export_types import Fresh, PrintOptions, Replacement, Reprint
from mintmark.packaging.profiles.files import builtin
from mintmark.packaging.reissue import record

CREATED = datetime(2026, 11, 22, 15, 30, tzinfo=timezone(timedelta(hours=8)))
URL = "HTTPS://T.EXAMPLE.COM/{code}"
# Minted before such addresses were refused.
OLD = {
    "NO-LINK": "q.example.cn/{code}",
    "SERIAL": "https://id.example.cn/01/06901234567892/21/ABCDE{code}",
    "PLAIN": "http://q.example.cn/{code}",
}
CSV = PrintOptions(builtin("csv"))
QUANTITY = 100


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """Batch B of 100 codes, of which 1-20 are in package P, in reels of 7, with 3-4 void."""
    path = tmp_path_factory.mktemp("plan") / "ledger.db"
    with kit.create(path) as ledger:
        minted = replace(kit.minted("B", QUANTITY, alphabet="crockford32"), url=URL)
        ledger.commit(kit.STATION, minted, replace(minted, batch="BARE", url=None))
        ledger.commit(kit.STATION, replace(minted, batch="DIGITS", alphabet="digits"))
        for batch, url in OLD.items():
            ledger.commit(kit.STATION, replace(minted, batch=batch, url=url))
        ledger.commit(kit.STATION, replace(minted, batch="LONG", length=21))
        ledger.commit(kit.STATION, kit.begun("Q", "NO-LINK", (1, 5)))
        ledger.commit(kit.CUSTODIAN, replace(kit.packaged("Q", (1, 5)), template=OLD["NO-LINK"]))
        ledger.commit(kit.STATION, changes.ContactAdded("wang", "Mr Wang", None))
        layout = record(builtin("csv").of_size(7))
        begun = replace(kit.begun("P", "B", (1, 20)), layout=layout)
        ledger.commit(kit.STATION, begun)
        ledger.commit(kit.CUSTODIAN, replace(kit.packaged("P", (1, 20)), template=URL))
        ledger.commit(kit.LINE, kit.ordered("V", "B", "void", (3, 4), reason="lost"))
        yield ledger


def planned(ledger, export):
    units = iter(range(1_000))
    with ledger.read() as view:
        return plan(
            view, export, home="H", package="N", unit_id=lambda: f"U{next(units)}", created=CREATED
        )


def test_a_fresh_package(ledger):
    job, warnings = planned(ledger, Fresh("B", "li", PrintOptions(builtin("csv"), 30), "21-60, 7"))
    assert (job.package, job.batch, job.home, job.created) == ("N", "B", "H", CREATED)
    assert (job.contact_id, job.contact_name) == ("li", "Ms Li")
    assert (job.serials, job.template, job.test) == (kit.ranges((7, 7), (21, 60)), URL, False)
    assert (job.profile, job.length) == (builtin("csv").of_size(30), 16)
    assert [(unit.id, unit.serials) for unit in job.units()] == [
        ("U0", Range(7, 7)), ("U1", Range(21, 50)), ("U2", Range(51, 60)),
    ]  # fmt: skip
    assert warnings == ()


def test_the_profile_settles_the_reel_size_unless_it_is_given(ledger):
    job, _ = planned(ledger, Fresh("B", "li", CSV, "21-60"))
    assert job.profile.unit_size == builtin("csv").unit_size


@given(st.integers(1, 80))
def test_next_are_the_first_sealed_serials(ledger, number):
    job, _ = planned(ledger, Fresh("B", "li", CSV, f" next:{number} "))
    assert job.serials == (Range(21, 20 + number),)


@pytest.mark.parametrize("text", ["next:0", "next:", "next:101", "next:1e1", "next:①", "next:-1"])
def test_next_is_a_number_of_codes_of_the_batch(ledger, text):
    with pytest.raises(UsageError, match="not a number of codes"):
        planned(ledger, Fresh("B", "li", CSV, text))


@pytest.mark.parametrize(
    ("export", "error"),
    [
        (Fresh("NONE", "li", CSV), NotFound),
        (Fresh("B", "none", CSV), NotFound),
        (Fresh("B", "li", CSV, "next:81"), Refused),
        (Fresh("B", "li", CSV, "90-101"), UsageError),
        (Reprint("B", "none", "P", "lost"), NotFound),
        (Reprint("BARE", "li", "P", "lost"), UsageError),
        (Reprint("B", "li", "NONE", "lost"), NotFound),
        (Replacement("NONE"), NotFound),
        (Replacement("P", "none"), NotFound),
        (export_types.TestPackage("NONE", "li", CSV, 5), NotFound),
        (export_types.TestPackage("B", "none", CSV, 5), NotFound),
    ],
)
def test_what_the_books_do_not_allow_is_refused(ledger, export, error):
    with pytest.raises(error):
        planned(ledger, export)


def test_base_and_gtin_make_another_template(ledger):
    options = PrintOptions(builtin("csv"), base="HTTPS://ID.EXAMPLE.COM", gtin="6901234567892")
    job, _ = planned(ledger, Fresh("B", "li", options))
    assert job.template == "HTTPS://ID.EXAMPLE.COM/01/06901234567892/21/{code}"


def test_a_reprint_is_the_package_as_recorded_without_its_void_codes(ledger):
    export = Reprint("B", "wang", "P", "password lost")
    job, warnings = planned(ledger, export)
    assert (job.serials, job.template) == (kit.ranges((1, 2), (5, 20)), URL)
    assert (job.contact_name, job.profile) == ("Mr Wang", builtin("csv").of_size(7))
    assert warnings == ("left out, because they are void: 3-4",)
    begun = reservation(export, job)
    assert (begun.supersedes, begun.replaces, begun.reason) == ("P", None, "password lost")


@pytest.mark.parametrize(("contact", "name"), [(None, "Ms Li"), ("wang", "Mr Wang")])
def test_a_replacement_is_as_many_sealed_codes_in_the_same_form(ledger, contact, name):
    export = Replacement("P", contact)
    job, warnings = planned(ledger, export)
    assert (job.batch, job.serials, job.contact_name) == ("B", (Range(21, 22),), name)
    assert (job.template, job.profile, warnings) == (URL, builtin("csv").of_size(7), ())
    begun = reservation(export, job)
    assert (begun.supersedes, begun.replaces, begun.reason) == (None, "P", None)


def test_a_test_package_holds_dummies_and_reserves_nothing(ledger):
    job, _ = planned(ledger, export_types.TestPackage("B", "li", CSV, 7))
    assert (job.test, job.serials, job.template) == (True, (Range(1, 7),), URL)
    assert {*"TES"} <= {*job.symbols}
    digits, _ = planned(ledger, export_types.TestPackage("DIGITS", "li", CSV, 7))
    assert digits.symbols == "0123456789"


def test_the_reservation_records_the_profile_with_its_reel_size(ledger):
    export = Fresh("B", "li", PrintOptions(builtin("csv"), 9), "30-40")
    job, _ = planned(ledger, export)
    begun = reservation(export, job)
    assert (begun.package, begun.batch, begun.contact, begun.profile) == ("N", "B", "li", "csv")
    assert (begun.serials, begun.reason) == ((Range(30, 40),), None)
    assert json.loads(begun.layout)["unit"]["size"] == 9


def test_warnings_are_returned(ledger):
    _, warnings = planned(ledger, Fresh("BARE", "li", CSV))
    assert len(warnings) == 1
    assert "has no --url" in warnings[0]
    options = PrintOptions(builtin("csv"), base="https://a-rather-long-name.example.com/abc")
    _, warnings = planned(ledger, Fresh("B", "li", options))
    assert len(warnings) == 1
    assert "lower case in the address" in warnings[0]


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ("NO-LINK", "has no https://"),
        ("SERIAL", "at most 20 characters, this one 21"),
        ("PLAIN", "unencrypted"),
    ],
)
def test_an_address_in_the_books_is_never_refused(ledger, batch, words):
    for export in (Fresh(batch, "li", CSV), export_types.TestPackage(batch, "li", CSV, 5)):
        job, warnings = planned(ledger, export)
        assert job.template == OLD[batch]
        said = [sentence for sentence in warnings if "lower case" not in sentence]
        assert len(said) == 1
        assert said[0].startswith("warning: ")
        assert words in said[0]


def test_a_reprint_warns_of_the_address_as_well(ledger):
    _, warnings = planned(ledger, Reprint("NO-LINK", "li", "Q", "lost"))
    assert "has no https://" in warnings[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base": "https://id_x.example.cn"}, "'id_x'"),
        ({"base": "Https://q.example.cn"}, "mixed case"),
        ({"base": "https://id.example.cn/01/06901234567893/21"}, "2 is due, not 3"),
        ({"base": "https://id.example.cn/01/06901234567892"}, "GS1 does not allow"),
        ({"base": "https://id.example.cn", "gtin": "6901234567893"}, "2 is due, not 3"),
    ],
)
def test_an_address_that_is_chosen_now_is_refused(ledger, options, words):
    with pytest.raises(UsageError) as error:
        planned(ledger, Fresh("B", "li", PrintOptions(builtin("csv"), **options)))
    assert words in error.value.message


def test_a_digital_link_takes_no_longer_codes_than_gs1(ledger):
    options = PrintOptions(builtin("csv"), base="https://id.example.cn", gtin="6901234567892")
    with pytest.raises(UsageError, match="at most 20 characters, this one 21"):
        planned(ledger, Fresh("LONG", "li", options))
    assert planned(ledger, Fresh("B", "li", options))


def test_the_ledger_is_not_changed(ledger):
    def events():
        with ledger.read() as view:
            return view.head()

    before = events()
    planned(ledger, Fresh("B", "li", CSV, "30-40"))
    assert events() == before


@given(st.sets(st.integers(1, QUANTITY), min_size=1))
def test_serials_take_one_form_whatever_their_order(ledger, chosen):
    text = ";".join(str(serial) for serial in chosen)
    job, _ = planned(ledger, Fresh("B", "li", CSV, text))
    assert job.serials == serials.of(chosen)


@pytest.mark.parametrize("size", [0, -1, 10_000_001])
def test_a_reel_size_out_of_bounds_is_refused(size):
    with pytest.raises(UsageError, match="a reel holds 1 to 10,000,000 codes"):
        PrintOptions(builtin("csv"), size)


# --- the options of the command ------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reprint": True}, "names the package that is printed again"),
        ({"package": "P"}, "names the package that is printed again"),
        ({"preflight": "half"}, "no preflight 'half'"),
        ({"reason": "lost"}, "a reprint needs a reason"),
        ({"reprint": True, "package": "P"}, "a reprint needs a reason"),
        ({"unit_size": 10_000_001}, "a reel holds"),
        *(
            ({"reprint": True, "package": "P", "reason": "lost"} | more, "takes no serials")
            for more in (
                {"serials": "1-3"},
                {"unit_size": 5},
                {"test": 5},
                {"base": "HTTPS://A.EXAMPLE"},
                {"gtin": "6901234567892"},
            )
        ),
    ],
)
def test_options_that_mean_two_things_are_refused(tmp_path, options, words):
    from mintmark.codegen.invocation import Invocation

    with pytest.raises(UsageError, match=words):
        commands.export(Invocation(home=tmp_path / "home"), "B", "li", tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())
