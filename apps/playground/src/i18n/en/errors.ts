/** What went wrong, by the codes of errors. */
export const errors = {
  "engine-died": "The engine ended, perhaps for want of memory. Start it again; your text is still there.",
  "missing-file": "The file is not there.",
  "invalid-file": "This is not a tokenizer that can be read: the file is damaged, too large, or something else.",
  "unsupported-file": "This tokenizer works in a way that is not known here.",
  "unknown-character": "The vocabulary has no token for a character of this text.",
  "text-too-long": "The text is too long for this vocabulary.",
  "download-failed": "The file could not be fetched.",
  "prompt-too-long": "The text is longer than what the model reads at once.",
  "empty-prompt": "The model needs a beginning. Write a few words.",
  "not-open": "The model is not open yet.",
  other: "That did not work.",
};
