"""The only room that speaks HTTP and WebSocket to the cluster.

Other rooms hand in plain dict manifests and get plain dicts, frozen facts and byte pipes back.
"""
