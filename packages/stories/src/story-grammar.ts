import { compileGrammar } from "./grammar.ts";
import type { Filler } from "./grammar.ts";

function girl([name, mood]: readonly string[]): Filler {
  return { name, mood, child: "girl", they: "she", their: "her" };
}

function boy([name, mood]: readonly string[]): Filler {
  return { name, mood, child: "boy", they: "he", their: "his" };
}

const girls = [["Anna", "brave"], ["Emma", "cheerful"], ["Lily", "clever"], ["Nora", "shy"]].map(girl);

const boys = [["Ben", "gentle"], ["Finn", "lively"], ["Jack", "proud"], ["Max", "quiet"]].map(boy);

const animals = [
  ["Gus", "bear"], ["Kiki", "cat"], ["Otto", "owl"], ["Pip", "mouse"],
  ["Rosie", "rabbit"], ["Toby", "dog"], ["Vera", "fox"], ["Zed", "donkey"],
].map(([name, kind]): Filler => ({ name, kind }));

const things = [
  ["red kite", "flew"], ["blue lantern", "glowed"], ["white feather", "floated"], ["green ribbon", "fluttered"],
  ["yellow flower", "bloomed"], ["silver bell", "rang"], ["golden key", "glittered"], ["brown basket", "creaked"],
].map(([name, did]): Filler => ({ name, did }));

/**
 * Small stories of a child who wants something, cannot get it alone, and finds a friend. They have six sentences, in
 * which names recur, pronouns and characters agree, and what is found is what was wanted. No text has two derivations.
 *
 * Every child has a mood, every animal a kind, every thing what it does: what a name says about later words is what
 * drives a model to tell names apart, without which it would not learn to repeat them for a long time. When things had
 * nothing but names, models often ended with three or four of them for one: they took a bell for a lantern.
 */
export const storyGrammar = compileGrammar({
  roles: { hero: [...girls, ...boys], friend: animals, thing: things },
  lists: {
    size: ["small", "big", "wooden", "narrow", "crooked", "cozy", "bright", "round"],
    house: ["house", "cottage", "cabin", "hut", "tower", "farmhouse"],
    home: [
      "by the river", "near the old mill", "at the edge of the forest", "on a green hill", "beside the lake",
      "in a quiet village", "above the harbor", "behind the bakery", "below the castle", "far from the city",
    ],
    weather: ["sunny", "windy", "rainy", "foggy", "warm", "cold", "cloudy", "snowy"],
    day: ["morning", "afternoon", "evening", "day"],
    relative: ["mother", "father", "sister", "brother", "grandmother", "uncle", "teacher", "cousin"],
    inside: [
      "in the barn", "in the garden", "in the cellar", "in the attic", "in the market", "in the orchard",
      "in the kitchen", "in the school",
    ],
    under: [
      "under the bridge", "under the stairs", "under the hedge", "under the bench", "under the leaves",
      "under the boat", "under the table", "under the tree",
    ],
    way: ["path", "road", "lane", "gate", "tunnel", "trail", "passage", "crossing"],
    blocked: ["dark", "closed", "blocked", "flooded", "muddy", "icy", "narrow", "guarded"],
    feeling: ["sad", "tired", "afraid", "lonely", "hungry", "puzzled"],
    along: [
      "down the road", "out of the woods", "over the fence", "around the corner", "through the grass", "across the field",
    ],
    doing: ["resting", "singing", "reading", "fishing", "dancing", "waiting", "sleeping", "digging"],
    saying: [
      "I can help you", "I know the way", "let us look together", "do not give up", "come with me",
      "two can do more than one", "you are not alone", "I have an idea",
    ],
    there: [
      "over the hill", "through the reeds", "down to the shore", "into a cave", "around the pond",
      "up to the cliffs", "across the meadow", "along the stream", "past the windmill", "behind the waterfall",
    ],
    food: ["bread", "apples", "honey", "soup", "cheese", "cake", "berries", "nuts"],
    play: ["sang", "danced", "swam", "read books", "told stories", "built towers", "climbed trees", "played games"],
    season: ["spring", "summer", "autumn", "winter"],
    end: ["until the sun went down", "until the stars came out", "until it was time for bed", "until the moon rose"],
  },
  plot: [
    [
      "{hero} was a {hero.mood} {hero.child} who lived in a [size] [house] [home].",
      "Once there was a {hero.mood} {hero.child} named {hero}, whose [house] was [size] and stood [home].",
      "In a [size] [house] [home] lived a {hero.mood} {hero.child} named {hero}.",
    ],
    [
      "One [weather] [day] {hero.they} wanted to find a {thing} for {hero.their} [relative].",
      "On a [weather] [day] {hero} went out to look for a {thing}, a gift for {hero.their} [relative].",
      "One [day], {hero.their} [relative] asked {hero} for a {thing}.",
    ],
    [
      "{hero.They} looked [inside] and [under], but {hero.they} found no {thing} and felt [feeling].",
      "But the [way] was [blocked], nothing {thing.did} [under], and {hero} felt [feeling].",
      "{hero.They} walked far, but the [way] was [blocked], and soon the {hero.mood} {hero.child} was [feeling].",
    ],
    [
      'Then {friend} the {friend.kind} came [along] and said, "{hero}, [saying]."',
      "There {hero.they} met {friend} the {friend.kind}, who was [doing] [under].",
      '"{hero}, I know where to find a {thing}," said {friend} the {friend.kind}, who was [doing] [under].',
    ],
    [
      "Together {hero} and {friend} went [there], and there lay the {thing}.",
      "{friend} led {hero} [there], where something {thing.did} [under], and it was the {thing}.",
      "The {friend.kind} took {hero} [there], and the {hero.mood} {hero.child} found the {thing}.",
    ],
    [
      "{hero} thanked {friend} for the {thing}, and they shared [food] and [play] [end].",
      "From that [day] on, {hero} and {friend} [play] together every [season].",
      "The {hero.mood} {hero.child} hugged {friend}, and the two of them ate [food] [under] [end].",
    ],
  ],
});
