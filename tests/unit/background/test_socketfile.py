import pytest

from ktconnect.background.socketfile import bound, connected


def test_a_path_may_be_longer_than_a_socket_address(tmp_path):
    path = tmp_path / ("d" * 100) / ("n" * 60)
    path.parent.mkdir()
    bound(path).close()
    with bound(path) as server, connected(path) as client:
        client.send(b"x")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(1) == b"x"


def test_nobody_listening_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        connected(tmp_path / "none")
    bound(tmp_path / "left").close()
    with pytest.raises(ConnectionRefusedError):
        connected(tmp_path / "left")
    with pytest.raises(FileNotFoundError):
        bound(tmp_path / "no" / "folder")
