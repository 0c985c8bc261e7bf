"""Names that several processes must agree on: labels, annotations, ports, images, files.

Labels and annotations are those of KT Connect 0.3, so that its users, their scripts and its
sessions are recognised.
"""

LABEL_CONTROL_BY = "control-by"
CONTROL_BY = "kt"
LABEL_ROLE = "kt-role"
LABEL_SESSION = "kt-session"
LABEL_TARGET = "kt-target"
ANNOTATION_USER = "kt-user"
ANNOTATION_CONFIG = "kt-config"
ANNOTATION_JOURNAL = "kt-journal"
ANNOTATION_TAKEN_BY = "kt-taken-by"
ANNOTATION_LEAVING = "kt-leaving"
ANNOTATION_READY = "kt-ready"

REPLICAS = "/spec/replicas"
"""JSON Pointer of a workload's size, in itself and in its Scale; journals carry it."""

SERVED_BY = "x-kt-served-by"
"""Header of an answer: to whom the request was led, a session's mark or ``origin``."""

ROLE_CONNECT = "shadow-connect"
ROLE_FORWARD = "shadow-forward"
ROLE_EXCHANGE = "shadow-exchange"
ROLE_PREVIEW = "shadow-preview"
ROLE_MESH = "shadow-mesh"
ROLE_MIRROR = "shadow-mirror"
ROLE_ROUTER = ROUTER = "router"

AGENT_CONTAINER = "standalone"
AGENT_PORT = 7070
AGENT_IMAGE = "python:3-alpine"
ROUTER_IMAGE = "envoyproxy/envoy:distroless-v1.40.0"
CLUSTER_DOMAIN = "cluster.local"
