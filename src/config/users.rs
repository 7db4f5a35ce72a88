//! Users and groups: names to numbers, from the text of /etc/passwd and /etc/group.

use super::model::User;

/// The two files, read once.
#[derive(Clone, Default, Debug)]
pub struct Users {
    passwd: String,
    group: String,
}

impl Users {
    /// From the texts of `passwd` and `group`.
    pub fn new(passwd: impl Into<String>, group: impl Into<String>) -> Self {
        Self { passwd: passwd.into(), group: group.into() }
    }

    /// Of this machine; a file that cannot be read names nobody.
    pub fn load() -> Self {
        let read = |path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self::new(read("/etc/passwd").unwrap_or_default(), read("/etc/group").unwrap_or_default())
    }

    /// The user of this name or number, with its own group. A number that no line has is its own group's as well.
    pub fn user(&self, name: &str) -> Option<User> {
        let number = name.parse::<u32>().ok();
        let line = self.passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| {
            fields.first() == Some(&name)
                || (number.is_some() && fields.get(2).and_then(|uid| uid.parse().ok()) == number)
        });
        match line {
            Some(fields) => Some(User { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? }),
            None => number.map(|uid| User { uid, gid: uid }),
        }
    }

    /// The group of this name or number.
    pub fn group(&self, name: &str) -> Option<u32> {
        let line =
            self.group.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|f| f.first() == Some(&name));
        match line {
            Some(fields) => fields.get(2)?.parse().ok(),
            None => name.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found() {
        let users = Users::new("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:\nbroken:x\n", "adm:x:4:syslog\n");
        assert_eq!(users.user("nobody"), Some(User { uid: 65534, gid: 65533 }));
        assert_eq!(users.user("65534"), Some(User { uid: 65534, gid: 65533 }));
        assert_eq!(users.user("7"), Some(User { uid: 7, gid: 7 }));
        assert_eq!(users.user("broken"), None);
        assert_eq!(users.user("nosuch"), None);
        assert_eq!(users.group("adm"), Some(4));
        assert_eq!(users.group("12"), Some(12));
        assert_eq!(users.group("nosuch"), None);
    }
}
