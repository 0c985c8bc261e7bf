"""How the programs of a cluster are started: arguments and configuration, as text. Pure."""

from pathlib import Path

import yaml

from playground.plan import (
    API_PORT,
    DNS_SERVICE,
    POD_RANGES,
    SERVICE_RANGES,
    Node,
    Plan,
)

ISSUER = "https://kubernetes.default.svc.cluster.local"


def _flags(**values: object) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


def apiserver_flags(plan: Plan, pki: Path) -> list[str]:
    return _flags(
        etcd_servers="http://127.0.0.1:2379",
        advertise_address=plan.nodes[0].addresses[0],
        secure_port=API_PORT,
        service_cluster_ip_range=",".join(SERVICE_RANGES),
        authorization_mode="Node,RBAC",
        enable_admission_plugins="NodeRestriction",
        allow_privileged="true",
        client_ca_file=pki / "ca.crt",
        tls_cert_file=pki / "apiserver.crt",
        tls_private_key_file=pki / "apiserver.key",
        kubelet_client_certificate=pki / "apiserver-kubelet-client.crt",
        kubelet_client_key=pki / "apiserver-kubelet-client.key",
        kubelet_preferred_address_types="InternalIP",
        service_account_issuer=ISSUER,
        service_account_key_file=pki / "sa.pub",
        service_account_signing_key_file=pki / "sa.key",
        requestheader_client_ca_file=pki / "front-proxy-ca.crt",
        requestheader_allowed_names="front-proxy-client",
        requestheader_username_headers="X-Remote-User",
        requestheader_group_headers="X-Remote-Group",
        requestheader_extra_headers_prefix="X-Remote-Extra-",
        proxy_client_cert_file=pki / "front-proxy-client.crt",
        proxy_client_key_file=pki / "front-proxy-client.key",
    )


def _quick_client(kubeconfig: Path) -> dict[str, object]:
    """The usual 20 requests a second cost a new cluster five seconds."""
    return {
        "kubeconfig": kubeconfig,
        "leader_elect": "false",
        "kube_api_qps": 400,
        "kube_api_burst": 800,
        "bind_address": "127.0.0.1",
    }


def controller_flags(pki: Path) -> list[str]:
    return _flags(
        **_quick_client(pki / "kcm.kubeconfig"),
        use_service_account_credentials="true",
        root_ca_file=pki / "ca.crt",
        service_account_private_key_file=pki / "sa.key",
        cluster_signing_cert_file=pki / "ca.crt",
        cluster_signing_key_file=pki / "ca.key",
        service_cluster_ip_range=",".join(SERVICE_RANGES),
        cluster_cidr=",".join(POD_RANGES),
        allocate_node_cidrs="true",
        node_cidr_mask_size_ipv4=24,
        node_cidr_mask_size_ipv6=64,
    )


def scheduler_flags(pki: Path) -> list[str]:
    return _flags(**_quick_client(pki / "scheduler.kubeconfig"))


def kubelet_flags(node: Node, pki: Path, config: str) -> list[str]:
    return _flags(
        config=config,
        kubeconfig=pki / f"kubelet-{node.name}.kubeconfig",
        hostname_override=node.name,
        node_ip=",".join(node.addresses),
    )


def kubelet_config(pki: Path, cgroup: str) -> str:
    """KubeletConfiguration for a machine that is shared and has no spare rights.

    Disk and memory pressure are the machine's own affair, so eviction is as good as off; the
    kubelet may not raise its OOM score (that takes CAP_SYS_RESOURCE).
    """
    return yaml.safe_dump(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "clusterDNS": [DNS_SERVICE[0]],
            "clusterDomain": "cluster.local",
            "resolvConf": "/run/resolv.conf",
            "oomScoreAdj": 0,
            "evictionHard": {
                "imagefs.available": "0%",
                "nodefs.available": "0%",
                "nodefs.inodesFree": "0%",
                "memory.available": "1Mi",
            },
            "imageGCHighThresholdPercent": 100,
            "volumePluginDir": "/var/lib/kubelet/volumeplugins",
            "shutdownGracePeriod": "0s",
            "maxPods": 200,
            "registryPullQPS": 0,
            "eventRecordQPS": 0,
            "serializeImagePulls": False,
        }
    )


def proxy_config(node: Node, pki: Path) -> str:
    """KubeProxyConfiguration; conntrack limits are left alone: a namespace can't set them."""
    return yaml.safe_dump(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clusterCIDR": ",".join(POD_RANGES),
            "hostnameOverride": node.name,
            "clientConnection": {"kubeconfig": str(pki / "kube-proxy.kubeconfig")},
            "conntrack": {"maxPerCore": 0, "min": 0},
            "oomScoreAdj": 0,
        }
    )
