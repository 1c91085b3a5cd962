-- Until now this was also set by agents that ended, and taken back when an agent came again; from now on it stays until somebody takes it back.
UPDATE nodes SET drained = 0;
