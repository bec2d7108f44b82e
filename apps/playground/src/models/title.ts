/** The heading of the dialog, which has the focus where a button of it goes. */
export const titleId = "models-title";
