//! Where it writes: links, devices, long names, full disks.
