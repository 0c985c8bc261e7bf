"""The sessions' processes of this machine: found, asked, followed and ended, without a daemon."""
