"""What the goals of speed are measured with: `script/bench NAME`."""
