#!/bin/sh
# Makes host keys, admits one key, and serves in the foreground.
set -eu
mkdir -p /run/sshd /root/.ssh
chmod 700 /root /root/.ssh
echo "${AUTHORIZED_KEY:?}" >/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
key=/etc/ssh/ssh_host_ed25519_key
[ -e "$key" ] || ssh-keygen -q -t ed25519 -N '' -f "$key"
exec /usr/sbin/sshd -D -e
