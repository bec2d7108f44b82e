export const share = {
  label: "Share",
  about: "This address opens what you see, with its settings. Texts are in the address itself; no server is told of them.",
  address: "Address",
  copy: "Copy",
  copied: "Copied",
  cut: "A text is too long for an address, and is left out.",
};
