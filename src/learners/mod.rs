//! Nuisance learners: logistic and linear regression on a standardised design matrix.
