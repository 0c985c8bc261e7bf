import http.server
import threading

from bench.probes.asking import times
from bench.rows import rows
from bench.sharing import Came, came, measures, router_uids


class Twice(http.server.BaseHTTPRequestHandler):
    """A server that ends each connection after two requests."""

    protocol_version = "HTTP/1.1"
    served = 0

    def do_GET(self):
        self.served += 1
        self.send_response(200)
        self.send_header("Content-Length", "1")
        if self.served == 2:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"x")

    def log_message(self, *words):
        pass


def test_requests_on_an_open_connection_are_timed_and_a_new_one_is_opened_where_it_ends():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Twice)
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            found = times("127.0.0.1", server.server_address[1], 0.2)
        finally:
            server.shutdown()
            thread.join()
    assert len(found) > 1
    assert all(0 < each < 5000 for each in found)


def test_a_router_is_told_from_agents_and_other_pods():
    names = ["beside-kt-router-5f-abcde", "beside-kt-mesh-one-1", "other-kt-router-2", "beside-1"]
    pods = [{"metadata": {"name": name, "uid": f"uid-{name}"}} for name in names]
    assert router_uids(pods) == ["uid-beside-kt-router-5f-abcde"]


def test_every_value_has_a_row():
    assert [measure.name for measure in measures()] == ["mesh@0"]
    assert len([row for row in rows() if row.key.startswith("mesh-")]) == 11


def test_what_is_made_in_the_cluster_is_told_apart_from_the_rest():
    steps = {"Starting the agent of shop/web": 1.2, "Opening the tunnel": 0.1}
    assert came(2.0, steps) == Came(2.0, 1.2)
