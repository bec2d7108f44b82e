import type { LessonName } from "../../lessons/lessons.ts";

/** Sentences of a step, and what to try. */
interface StepText {
  readonly text: readonly string[];
  readonly task: string;
}

export const lessons = {
  label: "Lessons",
  task: "Try:",
  all: "All lessons",
  back: "Back",
  next: "Next",
  nextLesson: "Next lesson",
  end: "Done",
  step: (step: string, steps: string) => `${step} of ${steps}`,
  thisModel: "This page’s model",
  size: (parameters: string, layers: string) => `${parameters} parameters, ${layers} blocks`,
  scaleAbout: "Parameters, on a logarithmic scale: a little longer is many times as large. Pale: experts that a token does not take.",
  names: {
    tokens: "Text becomes tokens",
    attention: "Tokens look back",
    training: "It learns by guessing",
    sampling: "One token is drawn",
    scale: "From GPT-1 to experts",
    finetuning: "It learns your task",
  } satisfies Record<LessonName, string>,
  abouts: {
    tokens: "How a text becomes numbers",
    attention: "How tokens learn of each other",
    training: "How random numbers become a writer",
    sampling: "Why it writes another text each time",
    scale: "What grew, and what stayed",
    finetuning: "A few examples instead of a library",
  } satisfies Record<LessonName, string>,
  steps: {
    tokens: [
      {
        text: ["A GPT reads numbers, not letters. Its tokenizer cuts a text into tokens, and each token has a number.", "A frequent word is one token. A rare one is made of several."],
        task: "Choose a piece of “unbelievable”, and play the merges that made it. Then write your name: how many tokens has it?",
      },
      {
        text: ["These are the numbers that the model gets: nothing else of the text reaches it.", "A space belongs to the word behind it, so that “cat” with one is another token than without."],
        task: "Write “cat” at the very beginning of the text, and compare its number with that of the others.",
      },
      {
        text: ["A vocabulary is learnt from texts. GPT-2’s saw mostly English, so that Chinese falls into bytes there.", "GPT-4o’s has four times as many tokens, of many languages."],
        task: "Compare the two counts. Then leave out one of the languages, and compare again.",
      },
    ],
    attention: [
      {
        text: ["Each line is a token on its way through the model. In every block, attention lets it gather from the tokens before it; then a small network works on what it gathered.", "At the end, the last token’s vector says what may come next."],
        task: "Follow another token with the arrow keys. No line comes from its right: a GPT never sees what is to come.",
      },
      {
        text: ["This is one head. A row is a token; the darker a square, the more it looks there. The squares of a row make 100% together."],
        task: "Step through the heads. Can you find one that looks at the token just before, or at the same word earlier on?",
      },
      {
        text: ["Further down, the logit lens asks after every block: what would the model say if it ended here?", "Early blocks guess by the word alone. Later ones know the story."],
        task: "Take the name out of the text and put another in. Where does the guess change?",
      },
    ],
    training: [
      {
        text: ["A new GPT is random numbers. It reads a line, and guesses each next token: this is pre-training, and nobody has to label anything, for the text itself has the answers.", "The loss says how surprised it was. Guessing blindly among V tokens costs ln V."],
        task: "Press Start, and watch what it writes: first anything, then words, then sentences.",
      },
      {
        text: ["After each guess, the backward pass finds for every number how a small change of it would have changed the loss: the gradient. All numbers then move a little the way that lowers it."],
        task: "Watch the backward pass: which part is pushed most at the beginning, and which later? Double the learning rate while it runs.",
      },
      {
        text: ["Validation takes text that the model never learns. Where its loss rises while that of training falls, the model learns by heart instead of learning the language."],
        task: "When the run has ended, press “Write with it”. Then train a larger one, and compare both in the chart.",
      },
    ],
    sampling: [
      {
        text: ["The model gives every token of its vocabulary a probability. One is drawn, put behind the text, and all begins again: that is autoregressive generation.", "At temperature 0, it always takes the likeliest."],
        task: "Press Write twice. Both texts are the same.",
      },
      {
        text: ["A high temperature makes unlikely tokens likelier. The text gets wilder, and breaks."],
        task: "Write, and look for the token with the smallest probability. Choose it: what would have been likelier?",
      },
      {
        text: ["Top-p keeps only the likeliest tokens, as many as make 90% together. It takes away the tail that breaks texts, and leaves the choices that don’t matter."],
        task: "Move Top-p, and watch in the picture which tokens can still be drawn.",
      },
    ],
    scale: [
      {
        text: ["GPT-1, GPT-2 and GPT-3 have the same design as the model that you see. What grew are its blocks, their width, the texts, and the computing.", "With scale came what nobody had built in: answers after a few examples in the prompt."],
        task: "Count the blocks in the picture. GPT-3 has 96 of them.",
      },
      {
        text: ["In a mixture of experts, a block has several small networks, and a router sends each token to a few of them. So a model knows more without computing more for each token. GPT-4’s makers have not published its design; it is reported to be one. Mixtral is an open one: 8 experts in a block, of which a token takes 2."],
        task: "Look at this block’s MLP, a single network. If the model that you open has experts, a card shows where its tokens go.",
      },
    ],
    finetuning: [
      {
        text: ["A model that has learnt language needs few examples of a task: this is fine-tuning, by which GPT-1 answered questions and judged texts.", "For labels, a small head reads the vector of the last token. Here it alone is learnt."],
        task: "Take the example, press Start, and then write a sentence of your own. How sure is it?",
      },
      {
        text: ["LoRA leaves the weights as they are, and learns two narrow matrices beside each layer: a few percent of the numbers, and a file that is as small."],
        task: "Start anew by LoRA. Compare how many parameters learn, and how many of the texts that were kept back are right.",
      },
      {
        text: ["To chat, a model learns dialogues: it reads all of them, but its loss counts only the answers. The marked words are those."],
        task: "Take the example, and look at what is learnt of it. After some epochs, compare its answers with those of the model as it was.",
      },
    ],
  } satisfies Record<LessonName, readonly StepText[]> as Record<LessonName, readonly StepText[]>,
};
