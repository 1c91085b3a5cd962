//! The parser: arithmetic expressions.

use super::ast::{Arithmetic, Word, WordPart};
use super::error::{Parsed, Pos};
use super::lex::{Mode, is_name};
use super::parse::{Outer, Parser};
use super::token::{Token, quoted};

/// How many operators an expression may have, with those nested in it: each can make its tree one level deeper.
pub const MAX_OPERATORS: usize = 1000;

/// How strongly a binary operator that groups to the left binds.
fn strength(token: Token) -> Option<u8> {
    Some(match token {
        Token::OrOr | Token::DoubleCaret => 1,
        Token::AndAnd => 2,
        Token::Or => 3,
        Token::Caret => 4,
        Token::And => 5,
        Token::Equal | Token::NotEqual => 6,
        Token::Less | Token::Greater | Token::LessEqual | Token::GreaterEqual => 7,
        Token::LessLess | Token::GreaterGreater => 8,
        Token::Plus | Token::Minus => 9,
        Token::Star | Token::Slash | Token::Percent => 10,
        _ => return None,
    })
}

fn is_assignment(token: Token) -> bool {
    use Token::{
        AddAssign, AndAssign, Assign, DivideAssign, MultiplyAssign, OrAssign, RemainderAssign,
        ShiftLeftAssign, ShiftRightAssign, SubtractAssign, XorAssign,
    };
    matches!(
        token,
        AddAssign
            | SubtractAssign
            | MultiplyAssign
            | DivideAssign
            | RemainderAssign
            | AndAssign
            | OrAssign
            | XorAssign
            | ShiftLeftAssign
            | ShiftRightAssign
            | Assign
    )
}

fn is_assignable(expression: Option<&Arithmetic>) -> bool {
    match expression {
        Some(Arithmetic::Element(..)) => true,
        Some(Arithmetic::Word(word)) => word.literal().is_some_and(is_name),
        _ => false,
    }
}

impl Parser<'_> {
    /// Reads an expression; `None` where there is none. `compact` is for `let`, where a blank ends it.
    pub(super) fn arithmetic(&mut self, compact: bool) -> Parsed<Option<Arithmetic>> {
        self.enter()?;
        if self.open_expressions == 0 {
            self.operators = 0;
        }
        self.open_expressions += 1;
        let mut left = self.arithmetic_assignment(compact)?;
        while self.token == Token::Comma && !(compact && self.spaced) {
            let at = self.before_operator(left.is_some())?;
            self.next_operand(compact)?;
            let right = self.arithmetic_assignment(compact)?;
            left = Some(self.joined(at, Token::Comma, left, right)?);
        }
        self.open_expressions -= 1;
        self.leave();
        Ok(left)
    }

    pub(super) fn follow_arithmetic(&mut self, left: Token, at: Pos) -> Parsed<Arithmetic> {
        match self.arithmetic(false)? {
            Some(expression) => Ok(expression),
            None => self.fail_expression(at, left),
        }
    }

    fn fail_expression<T>(&self, at: Pos, token: Token) -> Parsed<T> {
        self.fail_follow(at, token.text(), "an expression")
    }

    fn before_operator(&mut self, has_left: bool) -> Parsed<Pos> {
        if !has_left {
            return self.fail_here(format!("{} must follow an expression", self.token.quoted()));
        }
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            return self.fail_here(format!("an expression of more than {MAX_OPERATORS} operators"));
        }
        Ok(self.position)
    }

    fn joined(
        &self,
        at: Pos,
        token: Token,
        left: Option<Arithmetic>,
        right: Option<Arithmetic>,
    ) -> Parsed<Arithmetic> {
        match (left, right) {
            (Some(left), Some(right)) => {
                Ok(Arithmetic::Binary(token.text(), Box::new(left), Box::new(right)))
            }
            _ => self.fail_expression(at, token),
        }
    }

    fn arithmetic_assignment(&mut self, compact: bool) -> Parsed<Option<Arithmetic>> {
        self.enter()?;
        let mut left = self.arithmetic_ternary(compact)?;
        if is_assignment(self.token) && !(compact && self.spaced) {
            if !is_assignable(left.as_ref()) {
                return self.fail_here(format!("{} must follow a name", self.token.quoted()));
            }
            let (token, at) = (self.token, self.position);
            self.next_operand(compact)?;
            let right = self.arithmetic_assignment(compact)?;
            left = Some(self.joined(at, token, left, right)?);
        }
        self.leave();
        Ok(left)
    }

    fn arithmetic_ternary(&mut self, compact: bool) -> Parsed<Option<Arithmetic>> {
        let condition = self.arithmetic_binary(compact, 1)?;
        if self.token != Token::Question || (compact && self.spaced) {
            return Ok(condition);
        }
        let Some(condition) = condition else { return self.fail_here("`?` must follow an expression") };
        let question = self.position;
        self.next_operand(compact)?;
        if self.token == Token::Colon {
            return self.fail_expression(question, Token::Question);
        }
        let Some(yes) = self.arithmetic(compact)? else {
            return self.fail_expression(question, Token::Question);
        };
        if self.token != Token::Colon {
            return self.fail(question, 1, "ternary operator missing `:` after `?`");
        }
        let colon = self.position;
        self.next_operand(compact)?;
        self.enter()?;
        let no = self.arithmetic_ternary(compact)?;
        self.leave();
        let Some(no) = no else { return self.fail_expression(colon, Token::Colon) };
        Ok(Some(Arithmetic::Ternary(Box::new([condition, yes, no]))))
    }

    /// Reads operators that bind at least so strongly.
    fn arithmetic_binary(&mut self, compact: bool, least: u8) -> Parsed<Option<Arithmetic>> {
        let mut left = self.arithmetic_power(compact)?;
        while let Some(found) = strength(self.token)
            && found >= least
            && !(compact && self.spaced)
        {
            let token = self.token;
            let at = self.before_operator(left.is_some())?;
            self.next_operand(compact)?;
            let right = self.arithmetic_binary(compact, found + 1)?;
            left = Some(self.joined(at, token, left, right)?);
        }
        Ok(left)
    }

    fn arithmetic_power(&mut self, compact: bool) -> Parsed<Option<Arithmetic>> {
        self.enter()?;
        let mut left = self.arithmetic_unary(compact)?;
        if self.token == Token::Power && !(compact && self.spaced) {
            let at = self.before_operator(left.is_some())?;
            self.next_operand(compact)?;
            let right = self.arithmetic_power(compact)?;
            left = Some(self.joined(at, Token::Power, left, right)?);
        }
        self.leave();
        Ok(left)
    }

    fn arithmetic_unary(&mut self, compact: bool) -> Parsed<Option<Arithmetic>> {
        if !compact {
            self.got(Token::Newline)?;
        }
        let (token, at) = (self.token, self.position);
        if !matches!(token, Token::Exclamation | Token::Tilde | Token::Plus | Token::Minus) {
            return self.arithmetic_value(compact);
        }
        self.enter()?;
        self.next_operand(compact)?;
        let Some(operand) = self.arithmetic_unary(compact)? else { return self.fail_expression(at, token) };
        self.leave();
        Ok(Some(Arithmetic::Unary(token.text(), false, Box::new(operand))))
    }

    fn arithmetic_value(&mut self, compact: bool) -> Parsed<Option<Arithmetic>> {
        let start = self.position;
        let value = match self.token {
            token @ (Token::PlusPlus | Token::MinusMinus) => {
                self.next_arithmetic(compact)?;
                if self.token != Token::LiteralWord {
                    return self.fail_follow(start, token.text(), "a literal");
                }
                self.enter()?;
                let operand = self.arithmetic_value(compact)?;
                self.leave();
                return Ok(operand.map(|operand| Arithmetic::Unary(token.text(), false, Box::new(operand))));
            }
            Token::LeftParen => {
                self.next_operand(compact)?;
                let inner = self.follow_arithmetic(Token::LeftParen, start)?;
                self.matched(start, Token::LeftParen, Token::RightParen)?;
                if self.mode == Mode::ParameterArithmetic && self.token == Token::LiteralWord {
                    return self.fail_language(start, 1, "subscript flags", "zsh");
                }
                Arithmetic::Paren(Box::new(inner))
            }
            Token::LeftBracket => return self.fail_here("`[` must follow a name like a[i]"),
            Token::Colon => return self.fail_here("ternary operator missing `?` before `:`"),
            Token::LiteralWord => {
                let name = self.take_literal()?;
                if self.token == Token::LeftBracket {
                    Arithmetic::Element(name, Box::new(self.index()?))
                } else {
                    Arithmetic::Word(Word { range: name.range, parts: vec![WordPart::Literal(name)] })
                }
            }
            Token::Backquote if self.mode == Mode::Let && self.open_backquotes > 0 => return Ok(None),
            _ => match self.word()? {
                Some(word) => Arithmetic::Word(word),
                None => return Ok(None),
            },
        };
        if compact && self.spaced {
            return Ok(Some(value));
        }
        if !compact {
            self.got(Token::Newline)?;
        }
        if !matches!(self.token, Token::PlusPlus | Token::MinusMinus) {
            return Ok(Some(value));
        }
        let token = self.token;
        if !is_assignable(Some(&value)) {
            return self.fail_here(format!("{} must follow a name", token.quoted()));
        }
        self.next_arithmetic(compact)?;
        Ok(Some(Arithmetic::Unary(token.text(), true, Box::new(value))))
    }

    /// Goes past a token; true where a blank then ends a compact expression.
    fn next_arithmetic(&mut self, compact: bool) -> Parsed<bool> {
        self.next()?;
        if compact && self.spaced {
            return Ok(true);
        }
        if !compact {
            self.got(Token::Newline)?;
        }
        Ok(false)
    }

    /// Goes past an operator to its operand.
    fn next_operand(&mut self, compact: bool) -> Parsed<()> {
        let (token, at) = (self.token, self.position);
        if self.next_arithmetic(compact)? { self.fail_expression(at, token) } else { Ok(()) }
    }

    pub(super) fn fail_arithmetic_match<T>(&self, at: Pos, left: Token, right: Token) -> Parsed<T> {
        match self.token {
            Token::Literal | Token::LiteralWord => {
                self.fail_here(format!("not a valid arithmetic operator: {}", quoted(&self.value)))
            }
            Token::LeftBracket => self.fail_here("`[` must follow a name like a[i]"),
            Token::Colon => self.fail_here("ternary operator missing `?` before `:`"),
            Token::RightParen | Token::End => self.fail_match(at, left, right),
            Token::Period => self.fail_language(self.position, 1, "floating point arithmetic", "zsh"),
            token if self.mode.is_arithmetic() => {
                self.fail_here(format!("not a valid arithmetic operator: {}", token.quoted()))
            }
            _ => self.fail_match(at, left, right),
        }
    }

    pub(super) fn matched_arithmetic(&mut self, at: Pos, left: Token, right: Token) -> Parsed<()> {
        if self.got(right)? { Ok(()) } else { self.fail_arithmetic_match(at, left, right) }
    }

    /// Consumes the `))`, and returns the offset behind it.
    pub(super) fn arithmetic_end(&mut self, left: Token, at: Pos, outer: Outer) -> Parsed<u32> {
        if self.token != Token::RightParen || self.byte != b')' {
            return self.fail_arithmetic_match(at, left, Token::DoubleRightParen);
        }
        self.advance();
        self.unnest(outer);
        let end = self.at as u32;
        self.next()?;
        Ok(end)
    }
}
