export const hostileText: string
export const secret: string
