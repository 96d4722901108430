// rclone with SMB, FUSE and its remote control: what the share agent uses, and nothing else in a privileged pod.
package main

import (
	"github.com/rclone/rclone/cmd"

	_ "github.com/rclone/rclone/backend/smb"
	_ "github.com/rclone/rclone/cmd/mount"
	_ "github.com/rclone/rclone/cmd/obscure"
	_ "github.com/rclone/rclone/cmd/rcd"
	_ "github.com/rclone/rclone/fs/operations"
)

func main() {
	cmd.Main()
}
