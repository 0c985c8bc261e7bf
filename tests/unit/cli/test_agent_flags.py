import click

from ktconnect.cli.agent_flags import Shown, agent_flags


def flags_of(shown):
    def run(**_):
        pass

    for each in reversed(agent_flags(shown)):
        run = each(run)
    return {each.opts[-1]: each for each in click.command(run).params}


def visible(shown):
    return {name for name, each in flags_of(shown).items() if not each.hidden}


def test_all_are_taken_by_every_command_and_shown_where_they_have_a_meaning():
    assert flags_of(Shown()).keys() == flags_of(Shown(agent=False)).keys()
    assert visible(Shown(agent=False)) == set()
    assert visible(Shown(family=True)) - visible(Shown()) == {"--ipVersion"}


def test_they_stand_under_the_heading_that_the_command_gives():
    headings = {each.section for each in flags_of(Shown(section="Pod")).values() if not each.hidden}
    assert headings == {"Pod"}


def test_seconds_that_cannot_be_waited_are_refused():
    wait = flags_of(Shown())["--podCreationTimeout"]
    assert (wait.type.min, wait.default) == (1, 60)
