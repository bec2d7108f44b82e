export const saving = {
  making: "Making the file…",
  given: (name: string) => `${name} was given to the browser to save.`,
};
