//! Mail: rendering, the transports, and what a mail server said.
