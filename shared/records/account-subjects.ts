/** Whose budget it is: that of the whole team, or of one of its keys, by its id. */
export const teamSubject = 'team';
