/** How the user calls this program, for hints what to do next. The script behind `npm run gpt` says it by GPT_COMMAND. */
export const commandName = process.env.GPT_COMMAND ?? "gpt";

/** A word of a command that is shown to be copied: in quotes where a shell would read it otherwise. */
export function shellWord(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) && !word.startsWith("-") ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
