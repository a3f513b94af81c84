// What both kinds of components need between their author's functions and the
// interface.
import { log } from "turbo:engine/log@0.1.0";

// Calls the author's function. What it throws is an answer, unless it is an
// Error: that ends the call, and the log is where its words can go.
export function call(author, ...rest) {
  try {
    return author(...rest);
  } catch (thrown) {
    if (thrown instanceof Error) log("error", `${thrown}\n${thrown.stack}`);
    throw thrown;
  }
}

// Fields that the author left out.
export const complete = (defaults) => (value) => ({ ...defaults, ...value });
