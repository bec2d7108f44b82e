export const model = {
  label: "Model",
  name: "Stories",
  about: "A small GPT that learnt to write children’s stories. It comes with this page, and computes in it: nothing leaves your machine.",
  loading: "Opening the model…",
  failed: "No model",
  parameters: "Parameters",
  layers: "Blocks",
  dim: "Width",
  heads: "Heads a block",
  contextLength: "Context",
  vocabSize: "Vocabulary",
  tokens: (count: string) => `${count} tokens`,
};
