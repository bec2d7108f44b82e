/** How the user calls this program, for hints what to do next. The script behind `npm run gpt` says it by GPT_COMMAND. */
export const commandName = process.env.GPT_COMMAND ?? "gpt";
