import pytest

from ktconnect.errors import UsageError
from ktconnect.modes.serving.spec import PreviewSpec
from ktconnect.objects.ports import Expose


@pytest.mark.parametrize("name", ["Web", "1web", "web_1", "web.shop", "", "a" * 64])
def test_a_name_that_no_service_can_have_is_refused_at_once(name):
    with pytest.raises(UsageError, match="can't be the name"):
        PreviewSpec(name, (Expose("80", "80"),))


def test_a_new_service_needs_a_port():
    with pytest.raises(UsageError, match="needs a port"):
        PreviewSpec("mine", ())
