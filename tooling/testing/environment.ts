// A machine or a CI can set what the command prints: its colours, and its own name. The tests expect it as it is without.
for (const name of ["CI", "FORCE_COLOR", "NO_COLOR", "NODE_DISABLE_COLORS", "GPT_COMMAND"]) delete process.env[name];
