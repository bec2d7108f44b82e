const { isGptError } = require("@gpt/tensor");
const { program } = require("./program.js");

program().then(
  (results) => console.log(JSON.stringify(results)),
  (error) => {
    console.error(isGptError(error) ? error.message : error);
    process.exitCode = 1;
  },
);
