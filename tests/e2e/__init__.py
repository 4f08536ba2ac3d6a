"""The whole program against the practice workspace: crashes, kills, full disks. Nothing has a stand-in."""
