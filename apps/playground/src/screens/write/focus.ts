/** The keyboard goes from the text to the candidates for a place, and back. */
export const textName = "written";
export const candidatesId = "candidates";

export function focusText(): void {
  document.getElementById(`${textName}-tokens`)?.focus();
}

export function focusCandidates(): void {
  document.getElementById(candidatesId)?.querySelector("button")?.focus();
}
