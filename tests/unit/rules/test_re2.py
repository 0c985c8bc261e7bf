"""What RE2 and Python read alike is let in, nothing else."""

import pytest

from ktconnect.errors import UsageError
from ktconnect.rules.re2 import check_regex


@pytest.mark.parametrize(
    "text",
    [
        "",
        "an.*",
        "a|b",
        r"[a-z]+\.example\.com",
        r"[^]a]+",
        r"\d{1,3}",
        r"a{1000}",
        r"(?:a)(b)",
        r"(?P<name>a)",
        r"(?i)ann",
        r"(?s-i:ann)",
        r"[\w.-]+",
        r"\++",
        r"a+?b*?",
        "grüße",
        r"\-\*",
        "[a-z]{120}",
        "((a{10}){10}){10}",
        "(?:a{1000}|b{1000})c{1000}",
        "(?i:a)+(?P<n_1>b)",
    ],
)
def test_what_both_know_passes(text):
    check_regex(text, "--match x")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("(?=a)", "looks ahead"),
        ("(?!a)", "looks ahead"),
        ("(?<=a)b", "looks behind"),
        ("(?<!a)b", "looks behind"),
        (r"(a)\1", "refers back to group 1"),
        (r"(?P<a>x)(?P=a)", "refers back to a group"),
        ("(?>a)", "atomic"),
        ("(a)(?(1)b)", "conditional"),
        ("(?#why)a", "comment"),
        ("(?x)a", "flag 'x'"),
        ("a++", "possessive"),
        ("a{2}+", "possessive"),
        ("(?P<ä>x)", "not of a-z"),
        ("(?P<aä>x)", "not of a-z"),
        ("a{,3}", "plain text to RE2"),
        ("((a{30}){30}){30}", "within another"),
        ("(?:(?:a{2,}){600}|b){1,2}", "within another"),
        ("[^a]{1000}" * 3, "larger than proxies take"),
        ("a{1001}", "more than 1000"),
        ("a{1,5000}", "more than 1000"),
        (r"a\Z", r"\Z"),
        (r"[\b]", r"\b"),
        (r"\u0041", r"\u"),
        ("(", "no regular expression"),
        ("*a", "no regular expression"),
        ("[[:alpha:]]", "no regular expression"),
    ],
)
def test_what_one_of_them_does_not_know_is_refused(text, fault):
    with pytest.raises(UsageError, match=r"^--match x: ") as caught:
        check_regex(text, "--match x")
    assert fault in str(caught.value)
    assert "RE2" in caught.value.hint
