from ktconnect.cli.exchange import exchange
from ktconnect.cli.options import take_shared
from ktconnect.cli.preview import preview
from ktconnect.cli.serving import serving_spec


def test_both_commands_have_the_same_flags_with_the_same_meaning():
    found = []
    for command, argv in ((exchange, ["web"]), (preview, ["web", "--expose", "80"])):
        with command.make_context("x", [*argv, "--log", "--restoreAfter", "20"]) as context:
            found.append(serving_spec(context.params, take_shared(context).cluster))
    assert found[0] == found[1]
    assert (found[0].log, found[0].restore_after) == (True, 20.0)
