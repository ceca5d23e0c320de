"""Playing in real time: the rack that keeps audio going, the devices and clocks that drive it, what can be seen of it."""
