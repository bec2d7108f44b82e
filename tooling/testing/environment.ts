// A machine or a CI can set what the command prints: its colours, and its own name. The tests expect it as it is without.
for (const name of ["CI", "FORCE_COLOR", "NO_COLOR", "NODE_DISABLE_COLORS", "GPT_COMMAND"]) delete process.env[name];
// What is no path can be a name on the hub, of which tests ask nothing that they did not start.
process.env.HF_HUB_OFFLINE = "1";
process.env.HF_HUB_DISABLE_IMPLICIT_TOKEN = "1";
for (const name of ["HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_CACHE"]) delete process.env[name];
