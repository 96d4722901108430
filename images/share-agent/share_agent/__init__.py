"""The agent that mounts Windows shares on a node. Python's standard library and rclone, nothing else."""
